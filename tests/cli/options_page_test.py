"""docs/reference/options.md is what the option table prints. Usage: options_page_test.py PROGRAM PAGE"""
import subprocess
import sys

program, page = sys.argv[1:3]
expected = subprocess.run([program, "options", "--markdown"], capture_output=True, text=True, check=True).stdout
with open(page, encoding="utf-8") as file:
    actual = file.read()
if "--rest_port" not in expected:
    sys.exit("the program printed no options")
if actual != expected:
    sys.exit(f"{page} is out of date: run `{program} options --markdown > {page}`")
