"""Recording a training in PyTorch: the same bits, and afterwards what was wrong in it is found and named."""

import copy

import pytest

from reference import oracle

torch = pytest.importorskip("torch")
from helpers.kernels_in_torch import RightSoftmax, Softmax, trained  # noqa: E402

from reference.oracle.recorder.call import from_file  # noqa: E402


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def numbers(folder):
    return [from_file(path).number for path in sorted(folder.iterdir())]


@pytest.mark.parametrize("function", [Softmax, RightSoftmax])
def test_a_training_is_judged_where_it_was_wrong(function, tmp_path):
    plain, first = trained(function)
    with oracle.record(function, tmp_path, every=20) as recorded:
        bits, _ = trained(function, recorded=recorded)
    assert bits == plain
    reports = oracle.replay(function, tmp_path)
    assert [path.name for path, _ in reports] == [f"call-{step:08d}.safetensors" for step in range(0, 200, 20)]
    failed = [place * 20 for place, (_, report) in enumerate(reports) if report.verdict != "pass"]
    if function is RightSoftmax:
        assert not failed
        return
    assert 120 <= first < 180
    assert failed == [step for step in range(0, 200, 20) if step >= first]
    report = reports[-1][1]
    assert [found.cause for found in report.findings] == ["part_missing"]
    assert report.inputs.startswith("call 180 of Softmax at step 180 (torch ")
    assert report.arguments[0].name == "logits"


def test_a_plain_check_of_the_same_code_passes():
    inputs = oracle.example_inputs("softmax")
    assert oracle.check(oracle.from_torch(Softmax), *inputs).verdict == "pass"


class Summed(torch.autograd.Function):
    """Reads the cotangent's memory in order, as if it were contiguous."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, cotangent):
        (x,) = ctx.saved_tensors
        memory = torch.cat([cotangent.as_strided((1,), (1,)), torch.zeros(x.numel())])
        return 2 * x * (torch.as_strided(memory, x.shape, x.stride()) if 0 in cotangent.stride() else cotangent)


def test_a_cotangent_is_judged_in_the_memory_that_it_had(tmp_path):
    x = torch.randn(3, 4, generator=torch.Generator().manual_seed(0), requires_grad=True)
    with oracle.record(Summed, tmp_path):
        Summed.apply(x).sum().backward()
    ((path, report),) = oracle.replay(Summed, tmp_path)
    (cotangent,) = from_file(path).cotangents
    assert cotangent is not None
    assert (cotangent.strides, cotangent.bits.values.size) == ((0, 0), 1)
    assert report.verdict == "fail"
    assert report.findings[0].cause == "wrong_strides"


def test_a_cotangent_that_hides_a_mistake_is_not_the_only_one(tmp_path):
    class Ones(Summed):
        @staticmethod
        def backward(ctx, cotangent):
            return 2 * ctx.saved_tensors[0]

    x = torch.randn(3, 4, generator=torch.Generator().manual_seed(0), requires_grad=True)
    with oracle.record(Ones, tmp_path):
        Ones.apply(x).sum().backward()
    ((_, report),) = oracle.replay(Ones, tmp_path)
    assert (report.verdict, report.findings[0].cause) == ("fail", "ignores_cotangent")


class Scaled(torch.autograd.Function):
    """With setup_context, an output that has no gradient, and arguments of which some want none."""

    @staticmethod
    def forward(x, scale, mode="sum"):
        return x * scale, x.argmax(), x + 1

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs[:2])
        ctx.mark_non_differentiable(output[2])

    @staticmethod
    def backward(ctx, cotangent, _, other):
        x, scale = ctx.saved_tensors
        return cotangent * scale, (cotangent * x).sum(0), None


def test_every_form_of_a_function_and_only_calls_that_are_differentiated(tmp_path):
    own = dict(vars(Scaled))
    apply = Scaled.apply  # taken before the recording begins
    x, scale = torch.randn(3, 4), torch.randn(4, requires_grad=True)
    with oracle.record(apply, tmp_path) as recorded:
        with torch.no_grad():
            Scaled.apply(x, scale, "sum")
        (apply(x, scale, "sum")[0] ** 2).sum().backward()
        (recorded(x, scale)[0] ** 2).sum().backward()
        apply(x, scale)  # without a backward
    assert dict(vars(Scaled)) == own
    apply(x, scale)[0].sum().backward()  # no longer recorded
    assert numbers(tmp_path) == [0, 1]
    for _, report in oracle.replay(Scaled, tmp_path):
        assert report.verdict == "pass", str(report)
        assert [argument.name for argument in report.arguments] == ["scale"]  # nobody wanted a gradient of x


class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = torch.nn.BatchNorm1d(4)
        self.weight = torch.nn.Parameter(torch.eye(4) + 0.1)

    def forward(self, x, *, skips=()):
        hidden = self.norm(x) @ self.weight
        return {"hidden": hidden, "both": sum(skips, hidden), "unused": hidden * 2}


def steps_of(block, count=4):
    generator = torch.Generator().manual_seed(0)
    optimizer = torch.optim.SGD(block.parameters(), 0.1)
    for _ in range(count):
        x, skip = (torch.randn(5, 4, generator=generator) for _ in range(2))
        out = block(x, skips=(skip, skip))
        optimizer.zero_grad()
        (out["hidden"].tanh() + out["both"] ** 2).sum().backward()
        optimizer.step()
    return [value.numpy().tobytes() for value in block.state_dict().values()]


def test_a_module_with_its_parameters_buffers_and_named_arguments(tmp_path):
    torch.manual_seed(0)
    block = Block()
    plain = steps_of(copy.deepcopy(block))
    with oracle.record(block, tmp_path) as recorded:
        assert recorded.training
        assert steps_of(block) == plain
    assert not block._forward_hooks
    reports = oracle.replay(block, tmp_path)
    assert len(reports) == 4
    for path, report in reports:
        assert report.verdict == "pass", str(report)
        assert {"norm.weight", "norm.bias", "weight"} == {argument.name for argument in report.arguments}
        assert [one is None for one in from_file(path).cotangents] == [False, False, True]


def test_a_module_of_another_shape_is_refused(tmp_path):
    module = torch.nn.Linear(3, 2)
    with oracle.record(module, tmp_path):
        module(torch.ones(4, 3)).sum().backward()
    with pytest.raises(ValueError, match=r"of a Linear that holds \{'weight': \(2, 3\).*this one holds"):
        oracle.replay(torch.nn.Linear(3, 5), tmp_path)


def test_bfloat16_comes_back_bit_for_bit(tmp_path):
    pytest.importorskip("ml_dtypes")
    from reference.oracle.recorder.held import entries

    x = torch.randn(3, 4).to(torch.bfloat16).requires_grad_()
    with oracle.record(Softmax, tmp_path):
        Softmax.apply(x.T).float().square().sum().backward()
    (path,) = tmp_path.iterdir()
    (held,) = from_file(path).arrays.values()
    assert held.strides == (1, 4)
    assert entries(held).tobytes() == x.detach().T.contiguous().view(torch.int16).numpy().tobytes()
    read = pytest.importorskip("safetensors.torch").load_file(path)
    assert torch.equal(read["argument logits"], x.detach().T)


def test_what_cannot_be_kept_ends_the_recording_and_not_the_training(tmp_path):
    class Odd(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, how):
            return 2 * x

        @staticmethod
        def backward(ctx, cotangent):
            return 2 * cotangent, None

    x = torch.ones(2, 3, requires_grad=True)
    with oracle.record(Odd, tmp_path):
        with pytest.warns(RuntimeWarning, match="the argument how is a object") as warned:
            Odd.apply(x, object()).sum().backward()
        Odd.apply(x, object()).sum().backward()
    assert len(warned) == 1
    assert not list(tmp_path.iterdir())


def test_a_function_is_recorded_once_at_a_time(tmp_path):
    with oracle.record(Summed, tmp_path / "a"):
        Summed.apply(torch.ones(2, requires_grad=True)).sum().backward()
        with pytest.raises(ValueError, match=r"once at a time; got Summed again"):
            oracle.record(Summed, tmp_path / "b")


def test_a_call_under_autocast_is_judged_without_it_and_the_report_says_so(tmp_path):
    x = torch.randn(3, 4, generator=torch.Generator().manual_seed(0), requires_grad=True)
    with oracle.record(RightSoftmax, tmp_path), torch.autocast("cpu", dtype=torch.bfloat16):
        RightSoftmax.apply(x).square().sum().backward()
    ((_, report),) = oracle.replay(RightSoftmax, tmp_path)
    assert report.verdict == "pass"
    assert ", without the autocast to torch.bfloat16 of then" in report.inputs


def test_a_compiled_function_is_not_seen_which_is_said(tmp_path):
    x = torch.ones(3, 4, requires_grad=True)
    compiled = torch.compile(lambda x: RightSoftmax.apply(x).sum(), backend="eager")
    with (
        pytest.warns(RuntimeWarning, match=r"^oracle.record: no call of RightSoftmax was recorded: .*torch\.compile"),
        oracle.record(RightSoftmax, tmp_path),
    ):
        compiled(x).backward()
    assert not list(tmp_path.iterdir())
