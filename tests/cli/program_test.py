"""Exit codes and texts of the program, as scripts written for OVMS see them. Usage: program_test.py BUILD_FOLDER"""
import json
import os
import resource
import subprocess
import sys
import tempfile
import unittest

BUILD = sys.argv.pop(1)
CLEAN = {key: value for key, value in os.environ.items() if key not in ("OVMS_MODEL_REPOSITORY_PATH", "GRPC_SERVERS", "API_KEY")}


def run(*arguments, name="ocelli", **environment):
    return subprocess.run([os.path.join(BUILD, name), *arguments], capture_output=True, text=True, timeout=30,
                          env={**CLEAN, **environment}, check=False)


class Program(unittest.TestCase):
    def usage_error(self, expected, *arguments, **environment):
        done = run(*arguments, **environment)
        self.assertEqual((done.stderr, done.returncode, done.stdout), (expected + "\n", 64, ""), arguments)

    def test_no_arguments_and_help_print_the_options(self):
        for arguments in ((), ("--help",), ("-h",), ("serve",), ("model",), ("help",), ("options",), ("serve", "--help"), ("model", "--help"),
                          ("help", "serve"), ("--port", "1", "--help")):
            done = run(*arguments)
            self.assertEqual((done.returncode, done.stderr), (0, ""), arguments)
            self.assertIn("--rest_bind_address", done.stdout)
            self.assertLessEqual(max(map(len, done.stdout.splitlines())), 110)

    def test_every_command_has_help_of_its_own(self):
        for command, expected in (("bench", "ocelli bench --model_path"), ("devices", "ocelli devices"), ("doctor", "ocelli doctor"),
                                  ("options", "usage: ocelli options"), ("version", "usage: ocelli version"), ("help", "usage: ocelli help")):
            done = run(command, "--help")
            self.assertEqual((done.returncode, done.stderr), (0, ""), command)
            self.assertIn(expected, done.stdout)
            self.assertEqual(run("help", command).stdout, done.stdout)
        done = run("help", "nonsense")
        self.assertEqual((done.returncode, done.stdout), (64, ""))
        self.assertIn("unknown command 'nonsense'", done.stderr)
        self.assertIn("usage: ocelli options", run("options", "--nonsense").stderr)

    def test_help_and_versions_do_not_hide_unknown_arguments(self):
        for arguments in (("--version", "--nope"), ("--help", "--nope"), ("--nope", "--help"), ("version", "--nope"), ("bench", "--help", "--nope"),
                          ("serve", "--version", "--nope")):
            self.usage_error("error parsing options - unmatched arguments: --nope, ", *arguments)

    def test_an_unknown_word_is_told_as_ovms_tells_it(self):
        for word in ("stray", ""):
            done = run(word, name="ovms")
            self.assertEqual((done.stderr, done.returncode, done.stdout), (f"error parsing options - unmatched arguments: {word}, \n", 64, ""))
            self.assertIn(f"unknown command '{word}'", run(word).stderr)

    def test_a_log_that_nobody_reads_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            pipe = os.path.join(folder, "pipe")
            os.mkfifo(pipe)
            done = run("--model_name", "m", "--model_path", "/p", "--rest_port", "1", "--log_path", pipe)
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertIn(f"log_path {pipe} cannot be opened: No such device or address", done.stderr)

    def test_the_ovms_name_is_the_same_program(self):
        self.assertEqual(run("--help", name="ovms").stdout, run("--help").stdout)

    def test_version(self):
        for arguments in (("--version",), ("version",)):
            lines = run(*arguments).stdout.splitlines()
            self.assertRegex(lines[0], r"^OpenVINO Model Server \d+\.\d+")
            self.assertRegex(lines[1], r"^OpenVINO backend ")

    def test_mistakes_are_told_as_ovms_tells_them(self):
        one = ("--model_name", "m", "--model_path", "/p")
        cores = os.cpu_count()
        for expected, arguments in (
            ("error parsing options - unmatched arguments: --nonsense, more, ", ("--nonsense", "more", *one)),
            ("error parsing options: Argument ‘abc’ failed to parse - Expected: a whole number from 0 to 4294967295; given to --rest_port", (*one, "--rest_port", "abc")),
            ("error parsing options: Argument ‘-1’ failed to parse - Expected: a whole number from 0 to 4294967295; given to --port", (*one, "--port", "-1")),
            ("error parsing options: Argument ‘’ failed to parse - Expected: true or false; given to --allow_credentials",
             (*one, "--rest_port", "9000", "--allow_credentials=")),
            ("error parsing options: Option ‘port’ is missing an argument", (*one, "--port")),
            ("nireq should be from 0 to 100000; given: 100001", (*one, "--port", "9000", "--nireq", "100001")),
            ("Use either config_path or model_path with model_name", ("--config_path", "c", "--model_name", "m")),
            ("Use config_path or model_path with model_name", ("--model_name", "m", "--port", "9000")),
            ("Model parameters in CLI are exclusive with the config file", ("--config_path", "c", "--nireq", "2")),
            (f"grpc_workers count should be from 1 to CPU core count : {cores}", (*one, "--grpc_workers", "1000")),
            ("rest_workers count should be from 2 to 10000", (*one, "--rest_port", "8080", "--rest_workers", "1")),
            ("rest_workers is set but rest_port is not set. rest_port is required to start rest servers",
             (*one, "--port", "9000", "--rest_workers", "2")),
            ("rest_port setting is missing, metrics are enabled on rest port", (*one, "--port", "9000", "--metrics_enable")),
            ("metrics_enable setting is missing, required when metrics_list is provided",
             (*one, "--rest_port", "8000", "--metrics_list", "a")),
            ("port and rest_port cannot both be unset", (*one, "--port", "0", "--rest_port=0")),
            ("port number out of range from 0 to 65535", (*one, "--port", "65536")),
            ("rest_port number out of range from 0 to 65535", (*one, "--rest_port", "65536")),
            ("port and rest_port cannot have the same values", (*one, "--port", "9000", "--rest_port", "9000")),
            ("rest_bind_address has invalid format: proper hostname or IP address expected.",
             (*one, "--rest_port", "9000", "--rest_bind_address", "1.2.3")),
            ("grpc_bind_address has invalid format: proper hostname or IP address expected.",
             (*one, "--port", "9000", "--grpc_bind_address", "a_b")),
            ("File path provided as an --cpu_extension parameter does not exist in the filesystem: /no/such.so",
             (*one, "--port", "9000", "--cpu_extension", "/no/such.so")),
            ("log_level should be one of: TRACE, DEBUG, INFO, WARNING, ERROR", (*one, "--port", "9000", "--log_level", "LOUD")),
            ("error parsing options - --mean parameter requires --layout to be set", (*one, "--mean", "1")),
            ("grpc_channel_arguments should be a comma list of name=value; given: abc",
             (*one, "--port", "9000", "--grpc_channel_arguments", "abc")),
            ('batch_size: "auto", a number from 1, a range like 1:8, or -1 expected, not "abc"',
             ("--add_to_config", "--config_path", "/no/such/config.json", *one, "--batch_size", "abc")),
            ("Use --list_models with --model_repository_path", ("--list_models",)),
            ("Set config_path with add_to_config/remove_from_config", ("--add_to_config", "--model_name", "m")),
            ("error parsing options - --list_models cannot be used with --add_to_config", ("--list_models", "--add_to_config")),
        ):
            with self.subTest(expected):
                self.usage_error(expected, *arguments)

    def test_a_configuration_that_cannot_be_used_ends_the_start(self):
        with tempfile.TemporaryDirectory() as folder:
            broken, unknown = os.path.join(folder, "broken.json"), os.path.join(folder, "unknown.json")
            with open(broken, "w", encoding="utf-8") as text:
                text.write('{"model_config_list": [')
            with open(unknown, "w", encoding="utf-8") as text:
                text.write('{"model_config_list": [], "surprise": 1}')
            for file, expected in ((os.path.join(folder, "none.json"), "Config file not found or cannot open. "), (folder, "Config file not found or cannot open. "),
                                   (broken, "broken.json"), (unknown, "surprise")):
                done = run("--config_path", file, "--rest_port", "1")
                self.assertEqual(done.returncode, 1, file)
                self.assertIn(expected, done.stdout + done.stderr)
                self.assertIn(file, done.stdout + done.stderr)
                self.assertTrue(done.stdout.endswith("Couldn't start model manager\n"), done.stdout)

    def test_wrong_model_parameters_end_the_start(self):
        one = ("--model_name", "m", "--model_path", "/p", "--rest_port", "1")
        for flag, value, expected in (("plugin_config", "{", "not valid JSON"), ("batch_size", "x", 'not "x"'), ("shape", "x", 'not "x"'),
                                      ("model_version_policy", '{"latest":{"num_versions":0}}', "from 1")):
            done = run(*one, f"--{flag}", value)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn(flag, done.stdout)
            self.assertIn(expected, done.stdout)
            self.assertTrue(done.stdout.endswith("Couldn't start model manager\n"), done.stdout)

    def test_bench_says_what_is_wrong_before_it_starts(self):
        for expected, arguments in (("ways should be of raw, socket, servable, rest, grpc; given: foo", ("--ways", "raw,foo")),
                                    ("rest_address should be HOST:PORT; given: here:80x", ("--rest_address", "here:80x")),
                                    ("mean parameter requires layout to be set", ("--mean", "1")),
                                    ("concurrency should be a comma list of numbers from 1 to 1024; given: 0", ("--concurrency", "0"))):
            done = run("bench", "--model_path", "/p", *arguments)
            self.assertEqual((done.returncode, done.stderr), (64, expected + "\n"))

    def test_generative_modes_are_refused(self):
        done = run("--pull", "--source_model", "a/b", "--model_repository_path", "/tmp")
        self.assertEqual(done.returncode, 64)
        self.assertIn("generative", done.stderr)

    def test_unknown_command(self):
        done = run("sevre")
        self.assertEqual(done.returncode, 64)
        self.assertIn("unknown command 'sevre'; commands: serve", done.stderr)

    def test_grpc_servers_overrides_the_workers(self):
        self.usage_error(f"grpc_workers count should be from 1 to CPU core count : {os.cpu_count()}", "--model_name", "m",
                         "--model_path", "/p", "--port", "9000", GRPC_SERVERS="100000")

    def test_config_management(self):
        with tempfile.TemporaryDirectory() as folder:
            os.makedirs(os.path.join(folder, "a", "b", "1"))
            for extension in ("xml", "bin"):
                open(os.path.join(folder, "a", "b", "1", f"m.{extension}"), "w", encoding="utf-8").close()
            done = run("--list_models", "--model_repository_path", folder)
            self.assertEqual(done.stdout, f"Listing models in repository...\nModel repository path: {folder}\na/b\n")
            with open("/dev/full", "w", encoding="utf-8") as full:
                done = subprocess.run([os.path.join(BUILD, "ocelli"), "--list_models", "--model_repository_path", folder], stdout=full,
                                      stderr=subprocess.PIPE, text=True, timeout=30, env=CLEAN, check=False)
            self.assertEqual((done.returncode, done.stderr), (1, "ocelli failed: the output cannot be written\n"))
            file = os.path.join(folder, "config.json")
            done = run("--add_to_config", "--config_path", folder, "--model_name", "a/b", "--model_repository_path", folder)
            self.assertEqual((done.stdout, done.returncode), (f"Config updated: {file}\n", 0))
            with open(file, encoding="utf-8") as text:
                self.assertEqual(json.load(text),
                                 {"model_config_list": [{"config": {"name": "a/b", "base_path": f"{folder}/a/b"}}]})
            done = run("--remove_from_config", "--model_name", "a/b", OVMS_MODEL_REPOSITORY_PATH=folder)
            self.assertEqual((done.stdout, done.returncode), (f"Config updated: {file}\n", 0))
            with open(file, encoding="utf-8") as text:
                self.assertEqual(json.load(text), {"model_config_list": []})

    def test_a_file_size_limit_is_reported_and_the_old_file_stays(self):
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "config.json")
            old = '{"model_config_list": []}'
            with open(file, "w", encoding="utf-8") as text:
                text.write(old)
            done = subprocess.run([os.path.join(BUILD, "ocelli"), "--add_to_config", "--config_path", file, "--model_name", "m", "--model_path", "/m"],
                                  capture_output=True, text=True, timeout=30, env=CLEAN, check=False,
                                  preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20)))
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("writing failed: File too large", done.stderr)
            self.assertEqual(os.listdir(folder), ["config.json"])
            with open(file, encoding="utf-8") as text:
                self.assertEqual(text.read(), old)

    def test_options_as_json(self):
        options = {row["name"]: row for row in json.loads(run("options", "--json").stdout)}
        self.assertEqual(options["port"]["type"], "uint")
        self.assertEqual(options["batch_size"]["config_key"], "batch_size")
        self.assertEqual(options["grpc_memory_quota"]["default"], "2147483648")

    def test_devices(self):
        done = run("devices", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        for row in json.loads(done.stdout)["devices"]:
            self.assertTrue(row["usable"] or row["reason"], row)


if __name__ == "__main__":
    unittest.main()
