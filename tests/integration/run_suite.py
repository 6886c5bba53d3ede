"""Runs one test module for ctest. Usage: run_suite.py MODULE

Exit code 0 when tests passed, 1 when one failed, 77 when every test was skipped, so that ctest does not count a suite as passed that checked nothing. The last line
of the output tells why what was skipped was.
"""
import sys
import unittest

SKIPPED = 77


class CountingResult(unittest.TextTestResult):
    """Knows how many tests really ran to their end."""

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.passed = 0

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1


def main():
    sys.path.insert(0, ".")
    suite = unittest.defaultTestLoader.loadTestsFromName(sys.argv[1])
    result = unittest.TextTestRunner(resultclass=CountingResult, verbosity=2).run(suite)
    if not result.wasSuccessful():
        return 1
    reasons = sorted({reason for _, reason in result.skipped})
    if result.passed == 0:
        print("skipped:", "; ".join(reasons or ["there is no test"]))
        return SKIPPED
    if reasons:
        print("some skipped:", "; ".join(reasons))
    return 0


if __name__ == "__main__":
    sys.exit(main())
