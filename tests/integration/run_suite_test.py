"""A suite that checks nothing must not look like one that passed."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

RUNNER = pathlib.Path(__file__).with_name("run_suite.py")


class RunSuite(unittest.TestCase):
    def outcome(self, body):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "some_test.py").write_text("import unittest\n" + body)
            done = subprocess.run([sys.executable, RUNNER, "some_test"], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout

    def test_what_ctest_is_told(self):
        case = "class Some(unittest.TestCase):\n    def test_it(self):\n        {}\n"
        skipping = case.format("self.skipTest('no device')")
        self.assertEqual(self.outcome(case.format("pass")), (0, ""))
        self.assertEqual(self.outcome(case.format("self.fail()"))[0], 1)
        self.assertEqual(self.outcome(skipping), (77, "skipped: no device\n"))
        self.assertEqual(self.outcome("@unittest.skip('no data')\n" + case.format("self.fail()")), (77, "skipped: no data\n"))
        self.assertEqual(self.outcome("def setUpModule():\n    raise unittest.SkipTest('no module')\n" + case.format("pass")), (77, "skipped: no module\n"))
        self.assertEqual(self.outcome(skipping + "    def test_other(self):\n        pass\n")[0], 0)
        self.assertEqual(self.outcome("import nothing_like_this\n" + case.format("pass"))[0], 1)


if __name__ == "__main__":
    unittest.main()
