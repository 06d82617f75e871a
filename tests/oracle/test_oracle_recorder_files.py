"""The files of a recording: bounded in number and size, whole or absent, and refused with a sentence if damaged."""

import json
import sys
import warnings

import numpy as np
import pytest

from reference import oracle
from reference.oracle.recorder import keeper as keeping
from reference.oracle.recorder.call import as_bytes, from_file
from reference.oracle.recorder.held import entries, held, laid_out


class Double:
    def forward(self, x):
        return 2 * x

    def backward(self, dout):
        return 2 * dout


def recorded(folder, calls=1, size=6, **options):
    layer = Double()
    with oracle.record(layer, folder, **options):
        for number in range(calls):
            layer.forward(np.arange(float(size)) + number)
            layer.backward(np.ones(size))
    return sorted(folder.iterdir())


def numbers(paths):
    return [from_file(path).number for path in paths]


@pytest.mark.parametrize(
    ("calls", "every", "limit", "kept"),
    [
        (5, 1, 8, [0, 1, 2, 3, 4]),
        (9, 1, 8, [0, 2, 4, 6, 8]),
        (100, 1, 4, [0, 32, 64, 96]),
        (100, 7, 4, [0, 28, 56, 84]),
        (7, 3, 64, [0, 3, 6]),
        (9, 1, 1, [0]),
    ],
)
def test_what_is_kept_is_spread_evenly_over_all_calls(calls, every, limit, kept, tmp_path):
    assert numbers(recorded(tmp_path, calls, every=every, limit=limit)) == kept


def test_the_files_together_take_no_more_bytes_than_asked_for(tmp_path):
    one = recorded(tmp_path / "one")[0].stat().st_size
    paths = recorded(tmp_path / "many", 40, bytes=5 * one + 1000)
    assert 3 <= len(paths) <= 6
    assert sum(path.stat().st_size for path in paths) <= 5 * one + 1000


def test_a_call_of_more_bytes_than_all_may_have_ends_the_recording(tmp_path):
    with pytest.warns(RuntimeWarning, match=r"one call takes \d+ bytes, more than bytes=1000; ?|more than bytes=1000"):
        assert recorded(tmp_path, 3, size=1000, bytes=1000) == []


def test_a_full_disk_ends_the_recording_with_one_warning_and_leaves_no_part_of_a_file(tmp_path, monkeypatch):
    whole = keeping.write
    left = [2]

    def write(path, raw):
        left[0] -= 1
        if left[0] < 0:
            path.with_name(f".{path.name}.unfinished").write_bytes(raw[:10])
            monkeypatch.setattr("pathlib.Path.write_bytes", full)
        whole(path, raw)

    def full(path, raw):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keeping, "write", write)
    with pytest.warns(RuntimeWarning, match="training goes on; 2 calls are in .*No space left on device") as warned:
        paths = recorded(tmp_path, 6)
    assert len(warned) == 1
    assert numbers(paths) == [0, 1]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"limit": 0}, "limit must be at least 1; got limit=0"),
        ({"every": -3}, "every must be at least 1; got every=-3"),
        ({"bytes": 0}, "bytes must be at least 1; got bytes=0"),
        ({"limit": 2.5}, "limit must be a whole number; got limit=2.5"),
        ({"every": True}, "every must be a whole number; got every=True"),
    ],
)
def test_bounds_that_make_no_sense(options, sentence, tmp_path):
    with pytest.raises((TypeError, ValueError), match=f"^oracle.record: {sentence}$"):
        oracle.record(Double(), tmp_path, **options)


def test_folders_and_targets_that_cannot_be_recorded(tmp_path, monkeypatch):
    recorded(tmp_path)
    with pytest.raises(ValueError, match="folder must hold no earlier recording"):
        oracle.record(Double(), tmp_path)
    with pytest.raises(ValueError, match="folder must be a folder; got the file"):
        oracle.record(Double(), next(tmp_path.iterdir()))
    with pytest.raises(TypeError, match=r"target must be a torch\.nn\.Module.*; got a int"):
        oracle.record(3, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_the_format_is_safetensors(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    (path,) = recorded(tmp_path)
    read = safetensors.load_file(path)
    np.testing.assert_array_equal(read["argument x"], np.arange(6.0))
    np.testing.assert_array_equal(read["cotangent 0"], np.ones(6))


def changed(path, **metadata):
    """The file with other metadata."""
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    header["__metadata__"] |= metadata
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + raw[8 + length :]


DAMAGES = {
    "empty": (lambda path: b"", "is not in the safetensors format"),
    "text": (lambda path: b"import numpy as np\n" * 9, "is not in the safetensors format"),
    "cut in the header": (lambda path: path.read_bytes()[:50], "is cut off: .* 50 are there"),
    "cut in the data": (lambda path: path.read_bytes()[:-5], "is cut off: .* 91 are there"),
    "no header": (lambda path: (2).to_bytes(8, "little") + b"[]", "its header makes no sense"),
    "an unknown dtype": (lambda path: path.read_bytes().replace(b'"F64"', b'"F4 "'), "the dtype F4 , which is none of"),
    "other sizes": (
        lambda path: path.read_bytes().replace(b'[6], "data', b'[5], "data'),
        r"makes no sense: argument x, F64 of shape \(5,\)",
    ),
    "another version": (lambda path: changed(path, version="2"), "is of version 2 of the format; this is version 1"),
    "another format": (lambda path: changed(path, format="weights"), "was not written by oracle.record"),
    "no memory": (lambda path: changed(path, memory="{}"), "what it says of its arrays makes no sense"),
    "other memory": (lambda path: changed(path, memory=json.dumps({"argument x": 3})), "makes no sense"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_refused_with_a_sentence(damage, tmp_path):
    (path,) = recorded(tmp_path)
    spoilt, sentence = DAMAGES[damage]
    path.write_bytes(spoilt(path))
    with pytest.raises(ValueError, match=f"^{path.name} .*{sentence}"):
        oracle.replay(Double(), tmp_path)


def test_folders_without_a_recording(tmp_path):
    with pytest.raises(ValueError, match=r"^oracle.replay: there is no folder .*nowhere$"):
        oracle.replay(Double(), tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"^oracle.replay: the folder .* holds no recording \(\*.safetensors\)$"):
        oracle.replay(Double(), tmp_path)


def test_a_recording_of_another_function(tmp_path):
    recorded(tmp_path)
    other = oracle.from_forward_backward(lambda a, b: a * b, lambda cotangent, a, b: (cotangent * b, cotangent * a))
    with pytest.raises(
        ValueError, match=r"^call-00000000.safetensors was recorded of Double\(x\); <lambda> takes \(a, b\)"
    ):
        oracle.replay(other, tmp_path)
    shorter = oracle.from_forward_backward(lambda x: x[:3], lambda cotangent, x: cotangent)
    with pytest.raises(
        ValueError, match=r"is of another function: .* the shapes of the output, \[\(3,\)\]; got \[\(6,\)\]"
    ):
        oracle.replay(shorter, tmp_path)


def test_the_same_calls_judge_other_code_in_its_place(tmp_path):
    recorded(tmp_path)
    wrong = oracle.from_forward_backward(lambda x: 2 * x, lambda cotangent, x: cotangent)
    ((_, report),) = oracle.replay(wrong, tmp_path)
    assert (report.verdict, report.findings[0].cause) == ("fail", "scaled_by_constant")


# How many entries of an expanded array there are.
ONCE = {"expanded": 5, "expanded along the last axis": 4, "expanded in the middle": 20, "one number, expanded": 1}
LAYOUTS = {
    "contiguous": lambda x: x,
    "transposed": lambda x: x.copy().T,
    "with gaps": lambda x: np.repeat(x, 3, 1)[:, ::3],
    "reversed": lambda x: x[::-1],
    "expanded": lambda x: np.broadcast_to(x[:1], (4, 5)),
    "expanded along the last axis": lambda x: np.broadcast_to(x[:, :1], (4, 5)),
    "expanded in the middle": lambda x: np.broadcast_to(x[:, None], (4, 3, 5)),
    "one number, expanded": lambda x: np.broadcast_to(x[1, 2], (1, 4, 5)),
    "nothing, expanded": lambda x: np.broadcast_to(x[:1, :0], (4, 0)),
    "a number": lambda x: x[0, 0],
    "without entries": lambda x: x[:0],
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_array_is_laid_out_as_it_was(layout):
    array = LAYOUTS[layout](np.arange(20.0).reshape(4, 5))
    one = held(np.asarray(array))
    again = laid_out(entries(one), one)
    np.testing.assert_array_equal(again, array)
    assert not one.shape or again.strides == np.asarray(array).strides or not again.size
    assert one.bits.values.size == ONCE.get(layout, np.size(array))


def test_an_array_that_does_not_fit_its_memory_is_left_as_it_is():
    one = held(np.broadcast_to(np.ones(()), (2, 3)))
    varying = np.arange(6.0).reshape(2, 3)
    assert laid_out(varying, one) is varying
    assert laid_out(np.ones(6), one).shape == (6,)


def test_bfloat16_without_ml_dtypes_is_read_in_float32(monkeypatch):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    values = np.linspace(-3, 3, 7).astype(ml_dtypes.bfloat16)
    one = held(values)
    assert entries(one).dtype == ml_dtypes.bfloat16
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    assert entries(one).dtype == np.float32
    np.testing.assert_array_equal(entries(one), values.astype(np.float32))


def test_a_cotangent_may_be_given_to_a_check():
    subject = oracle.from_forward_backward(
        lambda x: (x, x**2), lambda cotangent, x: cotangent[0] + 2 * x * cotangent[1]
    )
    report = oracle.check(subject, np.arange(1.0, 4), cotangent=(np.ones(3), None))
    assert report.verdict == "pass"
    assert any("The upstream gradient is 1 everywhere" in sentence for sentence in report.power)
    with pytest.raises(
        ValueError, match=r"cotangent must have the shapes of the output, \[\(3,\), \(3,\)\]; got \[\(3,\)\]"
    ):
        oracle.check(subject, np.arange(1.0, 4), cotangent=np.ones(3))


def test_nothing_warns_where_nothing_is_wrong(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (path,) = recorded(tmp_path)
    assert as_bytes(from_file(path)) == path.read_bytes()
