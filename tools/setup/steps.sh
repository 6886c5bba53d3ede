# Shell functions shared by ./test and ./demo: named steps with progress, logs in build/logs, and one clear line for what failed.
logs=build/logs
mkdir -p "$logs"
step_number=0
started=$SECONDS

# step NAME COMMAND...: runs quietly, says how long it took; on failure prints the end of its log and stops.
step() {
  local name=$1 log begin=$SECONDS
  shift
  step_number=$((step_number + 1))
  log="$logs/$(printf '%02d' "$step_number")-$(echo "$name" | tr -cs 'a-zA-Z0-9' '-' | sed 's/-$//').log"
  printf '[%2d] %-34s ' "$step_number" "$name"
  if "$@" > "$log" 2>&1 < /dev/null; then
    printf 'ok   %4ds\n' $((SECONDS - begin))
  else
    give_up "$name" "$log" "$@"
  fi
}

give_up() {
  local name=$1 log=$2
  shift 2
  printf 'FAILED\n\n'
  { grep -nE 'error:|FAILED|Error|\*\*\*' "$log" | head -n 15; echo '...'; tail -n 25 "$log"; } | cut -c1-240
  printf '\n%s failed. The whole log: %s\nTo run it again by hand: %s\n' "$name" "$log" "$*"
  exit 1
}

# build_step PRESET [TARGET...]: builds with Ninja's own progress on a terminal, and a line a tenth of the way elsewhere.
build_step() {
  local preset=$1 begin=$SECONDS log
  shift
  step_number=$((step_number + 1))
  log="$logs/$(printf '%02d' "$step_number")-build-$preset.log"
  printf '[%2d] %-34s ' "$step_number" "build ($preset)"
  if cmake --build --preset "$preset" ${1:+--target "$@"} 2>&1 < /dev/null | tee "$log" | build_progress; then
    printf 'ok   %4ds\n' $((SECONDS - begin))
  else
    give_up "build ($preset)" "$log" cmake --build --preset "$preset" "$@"
  fi
}

build_progress() {
  awk 'match($0, /^\[[0-9]+\/[0-9]+\]/) {
         split(substr($0, 2, RLENGTH - 2), part, "/")
         tenth = int(part[1] * 10 / part[2])
         if (tenth > last && part[2] > 20) { printf "%d%% ", tenth * 10; fflush() }
         last = tenth
       }'
}

# ctest_step PRESET NAME CTEST-ARGUMENTS...: one line per test program, everything of a failed one, the reason of a skipped one.
ctest_step() {
  local preset=$1 name=$2 log
  shift 2
  step_number=$((step_number + 1))
  log="$logs/$(printf '%02d' "$step_number")-ctest-$preset.log"
  printf '[%2d] %s\n' "$step_number" "$name"
  if ! ctest --test-dir "build/$preset" --output-on-failure --no-tests=error -j "$(nproc)" "$@" < /dev/null 2>&1 | tee "$log" | grep -vE '^(Internal ctest|Test project| +Start )'; then
    printf '\n%s failed. The whole log: %s\nTo run one again: ctest --test-dir build/%s -R NAME --output-on-failure\n' "$name" "$log" "$preset"
    exit 1
  fi
  # The programs of which something could not run, with what they say of it.
  awk '/^[0-9]+\/[0-9]+ Test: / { name = $3 } /^(some )?skipped: / { print "     " name ": " $0 }' "build/$preset/Testing/Temporary/LastTest.log"
}

finish() { printf '\nEverything passed in %d min %d s.\n' $(((SECONDS - started) / 60)) $(((SECONDS - started) % 60)); }
