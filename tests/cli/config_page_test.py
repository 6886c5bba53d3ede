"""docs/reference/config.md ends with what the table of keys prints. Usage: config_page_test.py PROGRAM PAGE"""
import json
import subprocess
import sys

program, page = sys.argv[1:3]


def printed(what):
    return subprocess.run([program, "options", what], capture_output=True, text=True, check=True).stdout


keys = printed("--config-markdown")
if "model_config_list" not in keys:
    sys.exit("the program printed no keys")
if json.loads(printed("--config-schema"))["$schema"] != "https://json-schema.org/draft/2020-12/schema":
    sys.exit("the program printed no schema")
with open(page, encoding="utf-8") as file:
    actual = file.read()
if not actual.endswith(keys) or actual.count("\n### ") != keys.count("\n### "):
    sys.exit(f"{page} is out of date: replace what follows \"## Keys\" and its paragraph by what `{program} options --config-markdown` prints")
