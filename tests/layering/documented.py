"""Every public symbol in the headers of src/ has a comment. Usage: documented.py SOURCE_ROOT

Public: what a header declares outside functions, anonymous and `detail` namespaces and private or protected parts. A comment documents what
follows it up to the next blank line, so one may stand for a group; a type's comment also covers its members up to the first blank line, and
a type may be documented by the first line of its file.
Not asked for: members that are defined within one line, which say themselves what they do; constructors, destructors and operators,
overrides, fields of a struct, enumerators, forward declarations, friends.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1])
TYPE = re.compile(r"^(?:template\s*<.*>\s*)?(?:class|struct|enum(?:\s+class)?|union)\s+(?:\[\[\w+\]\]\s+)?(\w+)[^;]*\{")
FUNCTION = re.compile(r"^(?!.*\boperator\b)(?:[\w:<>,&*~\[\]\s\"()]+?\s[&*]*)(~?\w+)\(")
SKIP = ("friend ", "using enum", "static_assert", "extern ", "return ", "if ", "else", "for ", "while ", "switch ", "case ", "}", "typedef ")


class Scope:
    def __init__(self, kind, name, public):
        self.kind, self.name, self.public = kind, name, public


def strip(line):
    """The line without string literals and comments, so that braces can be counted."""
    line = re.sub(r'"(?:\\.|[^"\\])*"', '""', line)
    line = re.sub(r"'(?:\\.|[^'\\])'", "' '", line)
    return line.split("//")[0].rstrip()


def undocumented(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    head = lines[0] if lines else ""
    scopes, documented, statement, symbols = [], False, "", 0
    for number, raw in enumerate(lines, 1):
        text = raw.strip()
        if not text:
            documented = False if not statement else documented
            continue
        if text.startswith("//"):
            documented = True
            continue
        if text.startswith("#"):
            continue
        if not statement:
            start, has_comment = number, documented or "//" in raw
        code = strip(raw).strip()
        scope = scopes[-1] if scopes else Scope("namespace", "", True)
        label = re.fullmatch(r"(public|private|protected):", code)
        if label:
            scope.public = label[1] == "public"
            continue
        statement = f"{statement} {code}".strip()
        depth = code.count("{") - code.count("}")
        if depth == 0 and not re.search(r"[;{}]$", code) and not re.match(r"^template\s*<.*>$", code):
            continue  # the declaration goes on
        if re.match(r"^template\s*<.*>$", statement):
            continue
        name = None
        if scope.kind in ("namespace", "type") and all(s.public for s in scopes):
            name = symbol(statement, scope)
        if name:
            symbols += 1
            by_head = re.match(r"^(?:template.*)?(class|struct|enum)", statement) and re.search(rf"\b{name}\b", head)
            one_line = scope.kind == "type" and start == number and depth == 0 and code.endswith("}")
            has_comment = has_comment or bool(by_head)
            if not has_comment and not one_line:
                yield start, name
        if depth > 0:
            scopes.append(open_scope(statement))
            scopes.extend(Scope("body", "", False) for _ in range(depth - 1))
            documented = bool(name) and has_comment
        for _ in range(-depth):
            if scopes:
                scopes.pop()
        statement = ""
    undocumented.symbols += symbols


undocumented.symbols = 0


def open_scope(statement):
    if re.match(r"^(inline )?namespace\b", statement):
        name = re.sub(r"^(inline )?namespace\s*", "", statement).rstrip(" {")
        return Scope("namespace", name, bool(name) and "detail" not in name)
    match = TYPE.match(statement)
    if match and not statement.startswith("enum"):
        return Scope("type", match[1], not statement.startswith("class") and "> class" not in statement)
    return Scope("body", "", False)


def symbol(statement, scope):
    if statement.startswith(SKIP) or statement.startswith("namespace") or " override" in statement or "= delete" in statement:
        return None
    match = TYPE.match(statement)
    if match:
        return match[1]
    if scope.kind == "type" and re.match(rf"^(?:explicit |constexpr |template.*)*~?{scope.name}\(", statement):
        return None
    declaration = statement.split("=")[0] if "(" not in statement.split("=")[0] else statement
    match = FUNCTION.match(declaration)
    if match and "(" in declaration and not match[1].startswith("~"):
        return match[1]
    return None


def main():
    problems = []
    for path in sorted((ROOT / "src").rglob("*.hpp")):
        problems += [f"{path.relative_to(ROOT)}:{line}: {name} has no comment" for line, name in undocumented(path)]
    if undocumented.symbols < 200:
        sys.exit(f"only {undocumented.symbols} symbols were found: the check does not work")
    if problems:
        sys.exit("\n".join(problems))
    print(f"{undocumented.symbols} public symbols have a comment")


main()
