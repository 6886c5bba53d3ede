"""`ocelli doctor` and `ocelli devices` as a person and a script use them: machines in folders, this machine, exit codes, the JSON's schema."""
import json
import os
import pathlib
import struct
import subprocess
import tempfile
import unittest

PROGRAM = os.environ["OCELLI_PROGRAM"]
STATES = {"ok", "absent", "warning", "problem"}
CPU = "processor : 0\nvendor_id : GenuineIntel\nmodel name : Xeon\nflags : sse4_2 avx avx2 fma\n"


def run(*arguments, **environment):
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("CUDA_", "MACHINE_LEARNING_", "OPENVINO_LEGACY_DIR"))}
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=120, env={**clean, **environment}, check=False)


def library(needed=(), machine=62):
    """The smallest shared library: one loadable segment, a dynamic section that names what it needs. machine 62 is x86-64, 183 AArch64."""
    names = b"\0"
    entries = []
    for name in needed:
        entries.append((1, len(names)))
        names += name.encode() + b"\0"
    head = 64 + 2 * 56
    entries += [(5, head + (len(entries) + 2) * 16), (0, 0)]
    dynamic = b"".join(struct.pack("<QQ", *entry) for entry in entries)
    size = head + len(dynamic) + len(names)
    header = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 3, machine, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    load = struct.pack("<IIQQQQQQ", 1, 4, 0, 0, 0, size, size, 8)
    return header + load + struct.pack("<IIQQQQQQ", 2, 4, head, head, head, len(dynamic), len(dynamic), 8) + dynamic + names


class Machine:
    """A tree of files: text, bytes, or a mode for a file that stands for a device node."""

    def __init__(self, files):
        self._folder = tempfile.TemporaryDirectory(prefix="ocelli_machine_")
        unittest.addModuleCleanup(self._folder.cleanup)
        self.root = pathlib.Path(self._folder.name)
        common = {"proc/cpuinfo": CPU, "proc/meminfo": "MemTotal: 16000000 kB\nMemAvailable: 12000000 kB\n",
                  "proc/self/mounts": "tmpfs /dev/shm tmpfs rw 0 0\n", "etc/os-release": "ID=ubuntu\nVERSION_ID=\"24.04\"\n",
                  "etc/passwd": "immich:x:64001:64001::/:/bin/sh\n"}
        for path, content in {**common, **files}.items():
            target = self.root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, int):
                target.touch()
                target.chmod(content)
            else:
                target.write_bytes(content if isinstance(content, bytes) else content.encode())

    def doctor(self, *arguments, **environment):
        done = run("doctor", "--root", str(self.root), "--user", "immich", "--json", *arguments, **environment)
        assert done.stderr == "", done.stderr
        return done.returncode, json.loads(done.stdout)


def checks(report):
    return {check["id"]: check for check in reversed(report["checks"])}


NVIDIA = {"sys/bus/pci/devices/0000:01:00.0/vendor": "0x10de", "sys/bus/pci/devices/0000:01:00.0/class": "0x030000",
          "sys/bus/pci/devices/0000:01:00.0/device": "0x2684", "dev/nvidia0": 0o666, "dev/nvidiactl": 0o666, "dev/nvidia-uvm": 0o666,
          "usr/lib/libcuda.so.1": library(), "opt/ort/lib/libonnxruntime_providers_cuda.so": library(["libcudart.so.13"]),
          "usr/local/cuda/lib64/libcudart.so.13": library()}


class Doctor(unittest.TestCase):
    def test_older_openvino_by_option(self):
        machine = Machine({"opt/old/runtime/lib/intel64/libopenvino_c.so": library(["libtbb.so.2"]), "opt/old/runtime/version.txt": "2022.3.0-9052\n"})
        code, report = machine.doctor("--openvino_legacy_dir", "/opt/old", OPENVINO_LEGACY_DIR="/elsewhere")
        found = checks(report)
        self.assertEqual(code, 1)
        self.assertEqual(found["openvino_legacy.folder"]["found"], "/opt/old")
        self.assertIn("needs libtbb.so.2, which is nowhere", found["openvino_legacy.library"]["found"])
        self.assertEqual(found["openvino_legacy.version"]["status"], "ok")

    def test_schema(self):
        code, report = Machine({}).doctor()
        self.assertEqual(code, 0)
        self.assertEqual((report["schema"], report["user"], report["for"], report["container"]), ("ocelli.doctor/1", "immich", "", False))
        self.assertEqual(report["problems"], 0)
        counted = {state: sum(check["status"] == state for check in report["checks"]) for state in STATES}
        self.assertEqual(counted, {"ok": report["ok"], "absent": report["absent"], "warning": report["warnings"], "problem": 0})
        for check in report["checks"]:
            self.assertEqual(set(check), {"id", "area", "status", "found", "remedy"})
            self.assertIn(check["status"], STATES)
            self.assertTrue(check["found"])
            if check["status"] in ("warning", "problem"):
                self.assertTrue(check["remedy"], check)

    def test_nvidia_driver_too_old(self):
        version = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  {}  Fri Jul 11 2025\n"
        code, report = Machine({**NVIDIA, "proc/driver/nvidia/version": version.format("550.54.15")}).doctor(ONNXRUNTIME_ROOT="/opt/ort")
        self.assertEqual(code, 1)
        self.assertIn("driver 550.54.15 is too old", checks(report)["nvidia.driver"]["found"])
        self.assertIn("ubuntu2404/x86_64/cuda-keyring", checks(report)["nvidia.driver"]["remedy"])
        healthy = Machine({**NVIDIA, "proc/driver/nvidia/version": version.format("580.95.05")})
        code, report = healthy.doctor("--for", "face,cuda", ONNXRUNTIME_ROOT="/opt/ort")
        self.assertEqual(code, 0, report)
        self.assertEqual(checks(report)["nvidia.driver"]["status"], "ok")
        self.assertIn("8.9", checks(report)["nvidia.capability"]["found"])
        old = Machine({**NVIDIA, "proc/driver/nvidia/version": version.format("580.95.05"), "sys/bus/pci/devices/0000:01:00.0/device": "0x1b06"})
        code, report = old.doctor("--for", "cuda", ONNXRUNTIME_ROOT="/opt/ort")
        self.assertEqual((code, checks(report)["nvidia.capability"]["status"]), (1, "problem"), "CUDA 13 has no code for a GTX 1080 Ti")
        self.assertEqual(healthy.doctor("--for", "TENSORRT", ONNXRUNTIME_ROOT="/opt/ort")[0], 1)
        code, report = healthy.doctor(ONNXRUNTIME_ROOT="/opt/ort", CUDA_VISIBLE_DEVICES="-1")
        self.assertEqual((code, checks(report)["nvidia.visible_devices"]["status"]), (1, "problem"))

    def test_intel_gpu_without_permission(self):
        machine = Machine({"sys/bus/pci/devices/0000:00:02.0/vendor": "0x8086", "sys/bus/pci/devices/0000:00:02.0/class": "0x030000",
                           "sys/class/drm/renderD128/device/vendor": "0x8086", "dev/dri/renderD128": 0o660})
        code, report = machine.doctor("--for=model-server")
        node = checks(report)["intel_gpu.nodes"]
        self.assertEqual((code, node["status"]), (1, "problem"))
        self.assertIn("usermod -aG", node["remedy"])
        self.assertIn("immich", node["remedy"])
        # root may open everything.
        done = run("doctor", "--root", str(machine.root), "--user", "0", "--json")
        self.assertEqual(checks(json.loads(done.stdout))["intel_gpu.nodes"]["status"], "ok")

    def test_mali_without_firmware(self):
        machine = Machine({"proc/cpuinfo": "processor : 0\nFeatures : asimd asimddp\nCPU implementer : 0x41\n", "dev/mali0": 0o666,
                           "proc/device-tree/compatible": "rockchip,rk3588", "usr/lib/libmali.so": library(machine=183),
                           "usr/lib/libarmnn.so.30": library(machine=183)})
        code, report = machine.doctor("--for", "immich,armnn")
        self.assertEqual((code, checks(report)["mali.firmware"]["status"]), (1, "problem"))
        self.assertEqual(report["problems"], 1)
        (machine.root / "lib/firmware").mkdir(parents=True)
        (machine.root / "lib/firmware/mali_csffw.bin").write_bytes(b"firmware")
        self.assertEqual(machine.doctor("--for", "immich,armnn")[0], 0)

    def test_absent_hardware_is_a_problem_only_by_name(self):
        machine = Machine({})
        for scope, code in (("immich", 0), ("model-server", 0), ("face", 0), ("HDDL", 1), ("immich,rocm", 1), ("NVIDIA.1", 1)):
            self.assertEqual(machine.doctor("--for", scope)[0], code, scope)

    def test_table_has_a_head_remedies_and_no_colour(self):
        machine = Machine({**NVIDIA, "proc/driver/nvidia/version": "NVRM version: Kernel Module  470.82.01  x\n"})
        done = run("doctor", "--root", str(machine.root), "--for", "cuda")
        lines = done.stdout.splitlines()
        self.assertEqual(lines[0].split(), ["AREA", "CHECK", "STATE", "FOUND"])
        at = next(number for number, line in enumerate(lines) if "is too old" in line)
        self.assertIn("problem", lines[at])
        self.assertTrue(any(line.strip().startswith("-> wget https://developer.download.nvidia.com") for line in lines[at:at + 3]), lines)
        self.assertRegex(lines[-1], r"^\d+ problems?, \d+ warnings?$")
        self.assertNotIn("\x1b", done.stdout)
        self.assertEqual(done.returncode, 1)

    def test_mistakes(self):
        for arguments, said in ((("--for", "tpu"), '--for does not know "tpu"'), (("--root", "/no/such"), "--root /no/such is no folder"),
                                (("--user", "no-such-user"), "--user no-such-user"), (("--nonsense",), 'does not know "--nonsense"'),
                                (("--for",), "--for needs a value")):
            done = run("doctor", *arguments)
            self.assertEqual((done.returncode, done.stdout), (64, ""), arguments)
            self.assertIn(said, done.stderr)
        self.assertEqual(run("doctor", "--help").returncode, 0)

    def test_this_machine(self):
        done = run("doctor", "--json")
        self.assertIn(done.returncode, (0, 1))
        report = json.loads(done.stdout)
        self.assertEqual(done.returncode == 1, report["problems"] > 0)
        found = checks(report)
        self.assertIn("cpu.model", found)
        self.assertEqual(found["runtimes.openvino"]["status"], "ok")


class Devices(unittest.TestCase):
    def test_schema(self):
        done = run("devices", "--json")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        page = json.loads(done.stdout)
        self.assertEqual(page["schema"], "ocelli.devices/1")
        for device in page["devices"]:
            self.assertEqual(list(device), ["name", "runtime", "runtime_version", "full_name", "kind", "driver", "memory_bytes", "memory",
                                            "precisions", "formats", "state", "usable", "reason", "remedy"])
            self.assertIn(device["state"], ("usable", "unusable"))
        cpu = next(device for device in page["devices"] if (device["name"], device["runtime"]) == ("CPU", "openvino"))
        self.assertTrue(cpu["usable"])
        self.assertGreater(cpu["memory_bytes"], 0)
        self.assertEqual(cpu["memory"], "host")
        self.assertIn("ONNX", cpu["formats"])
        self.assertIn("FP32", cpu["precisions"])

    def test_all_names_the_devices_of_the_seeds(self):
        devices = json.loads(run("devices", "--all", "--json").stdout)["devices"]
        kinds = {device["name"].split(".")[0] for device in devices}
        for names in ({"GPU"}, {"NPU"}, {"NVIDIA", "CUDA", "TENSORRT"}, {"MALI", "ARMNN"}, {"MYRIAD"}, {"HDDL"}, {"CPU"}):
            self.assertTrue(names & kinds, names)
        for device in devices:
            self.assertEqual(device["usable"], device["state"] == "usable")
            if not device["usable"]:
                self.assertTrue(device["reason"], device)

    def test_table(self):
        done = run("devices")
        self.assertEqual(done.stdout.splitlines()[0].split()[:4], ["DEVICE", "STATE", "RUNTIME", "NAME"])
        self.assertRegex(done.stdout, r"(?m)^CPU +usable +openvino ")
        self.assertEqual(run("devices", "--help").returncode, 0)
        self.assertEqual(run("devices", "--nonsense").returncode, 64)

    def test_runtimes_that_cannot_be_loaded(self):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "libocelli_backend_openvino.so").write_bytes(b"not a library")
            devices = json.loads(run("devices", "--json", OCELLI_BACKEND_DIR=folder).stdout)["devices"]
            broken = next(device for device in devices if device["runtime"] == "openvino")
            self.assertEqual((broken["name"], broken["state"]), ("CPU", "unusable"))
            self.assertIn("cannot be loaded", broken["reason"])
            done = run("doctor", "--json", OCELLI_BACKEND_DIR=folder)
            self.assertEqual(done.returncode, 1)
            self.assertEqual(checks(json.loads(done.stdout))["runtimes.openvino"]["status"], "problem")


if __name__ == "__main__":
    unittest.main()
