"""Tests of the runner itself; they start no emulator. Run by ctest as bench_runner."""

import struct
import sys
import tempfile
import types
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from runner import BenchError, emulator, guest, measure, report, suite  # noqa: E402


def shell(script):
    return ["sh", "-c", script]


class SuiteTest(unittest.TestCase):
    def test_every_program_has_a_source(self):
        programs = Path(__file__).resolve().parent.parent / "programs"
        for program in suite.load().programs:
            folder = "compute" if program.kind == "compute" else "linux"
            self.assertTrue((programs / folder / f"{program.name}.c").exists(), program.name)

    def test_bars_are_speeds_relative_to_qemu(self):
        self.assertAlmostEqual(suite.bars_of({"interp": "1/4.5", "jit": "1.8"})["interp"], 1 / 4.5)
        self.assertEqual(suite.bars_of({"jit": "2.5"}), {"jit": 2.5})

    def test_unknown_program_is_an_error(self):
        with self.assertRaises(BenchError):
            suite.load().select(["nonsense"])


class ExecuteTest(unittest.TestCase):
    def test_times_between_marks(self):
        run = emulator.execute(shell("echo @begin x; sleep 0.2; echo @end x ab 7 3"), 10)
        seconds, words = run.between("x", "wall")
        self.assertGreater(seconds, 0.19)
        self.assertEqual(words[2:], ["ab", "7", "3"])
        self.assertLess(run.between("x", "cpu")[0], 0.1)

    def test_failure_of_a_program_is_an_error(self):
        run = emulator.execute(shell("echo @begin x; echo @fail x wrong sum; exit 1"), 10)
        with self.assertRaisesRegex(BenchError, "wrong sum"):
            run.between("x", "wall")

    def test_missing_end_is_an_error(self):
        with self.assertRaisesRegex(BenchError, "did not finish"):
            emulator.execute(shell("echo @begin x"), 10).between("x", "wall")

    def test_exit_code_is_an_error(self):
        with self.assertRaisesRegex(BenchError, "exit code 3: broken"):
            emulator.execute(shell("echo broken >&2; exit 3"), 10)

    def test_timeout_ends_the_process(self):
        with self.assertRaisesRegex(BenchError, "not done after"):
            emulator.execute(["sleep", "20"], 0.2)

    def test_missing_program_is_an_error(self):
        with self.assertRaisesRegex(BenchError, "/nowhere/orrery"):
            emulator.execute(["/nowhere/orrery"], 1)


class GuestTest(unittest.TestCase):
    def make_elf(self, folder, scale):
        header = bytearray(64 + 56)
        struct.pack_into("<Q", header, 32, 64)
        struct.pack_into("<HH", header, 54, 56, 1)
        struct.pack_into("<IIQQQQ", header, 64, 1, 5, 0x1000, guest.BASE, guest.BASE, 0x100)
        path = Path(folder) / "bench" / "x.elf"
        path.parent.mkdir()
        path.write_bytes(bytes(header).ljust(0x1000, b"\0") + struct.pack("<QQ", 0, scale).ljust(0x100, b"\0"))

    def test_scale_is_patched_into_the_image(self):
        with tempfile.TemporaryDirectory() as folder:
            self.make_elf(folder, 100)
            image = guest.scaled_elf(Path(folder), "x", 25).read_bytes()
            self.assertEqual(struct.unpack_from("<Q", image, 0x1008)[0], 25)

    def test_foreign_image_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            self.make_elf(folder, 99)
            with self.assertRaises(BenchError):
                guest.scaled_elf(Path(folder), "x", 25)

    def test_archive_entry_is_aligned_and_complete(self):
        entry = guest._cpio_entry(1, "init", 0o100755, b"12345")
        self.assertEqual(len(entry) % 4, 0)
        self.assertEqual(entry[:6], b"070701")
        self.assertEqual(int(entry[6 + 6 * 8:6 + 7 * 8], 16), 5)
        self.assertEqual(int(entry[6 + 11 * 8:6 + 12 * 8], 16), 5)


class ReportTest(unittest.TestCase):
    def row(self, unit, qemu, orrery, bars):
        row = measure.Samples("set", "unpaged", unit, bars, "x")
        row.values = {"qemu": qemu, "orrery": orrery}
        return row

    def test_ratio_uses_medians(self):
        self.assertEqual(self.row("MIPS", [100, 900, 200], [100, 1, 100], {}).ratio("orrery"), 0.5)

    def test_less_time_is_more_speed(self):
        self.assertEqual(self.row("s", [3], [1.5], {}).ratio("orrery"), 2)

    def test_verdicts(self):
        self.assertTrue(report.verdict(self.row("MIPS", [100], [50], {"interp": 0.5}), "interp").met)
        self.assertFalse(report.verdict(self.row("MIPS", [100], [49], {"interp": 0.5}), "interp").met)
        self.assertIsNone(report.verdict(self.row("MIPS", [100], [49], {"interp": 0.5}), "jit").met)
        limited = self.row("ms", [40], [12], {})
        limited.limit = 10
        self.assertFalse(report.verdict(limited, "interp").met)

    def test_geometric_mean(self):
        self.assertAlmostEqual(report.geometric_mean([1, 4]), 2)

    def test_table_replaces_what_is_between_the_marks(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "README.md"
            path.write_text(f"above\n{report.BEGIN}\nold\n{report.END}\nbelow\n")
            report.write_markdown(path, "new\n")
            self.assertEqual(path.read_text(), f"above\n{report.BEGIN}\nnew\n{report.END}\nbelow\n")

    def test_file_without_marks_is_kept(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "README.md"
            path.write_text("mine\n")
            with self.assertRaises(BenchError):
                report.write_markdown(path, "new\n")
            self.assertEqual(path.read_text(), "mine\n")

    def test_different_result_is_an_error(self):
        row = self.row("MIPS", [], [], {})
        measure.Session.check_sum(types.SimpleNamespace(), row, "qemu", ["@end", "x", "ab", "1", "1"])
        with self.assertRaisesRegex(BenchError, "computed ac, expected ab"):
            measure.Session.check_sum(types.SimpleNamespace(), row, "orrery", ["@end", "x", "ac", "1", "1"])


if __name__ == "__main__":
    unittest.main()
