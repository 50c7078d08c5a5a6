"""Large batches in the memory of a chunk, against the plain step."""

import copy

import pytest
import torch
from torch import nn
from triplet_loss.torch import CrossBatchMemory, TripletSemiHardLoss, cached_step

ROWS, CHUNK = 50, 16  # the last chunk has 2 rows


def model(seed=0, drop=0.0, normalisation=None):
    torch.manual_seed(seed)
    layers = [
        nn.Linear(6, 32),
        normalisation or nn.LayerNorm(32),
        nn.GELU(),
        nn.Dropout(drop),
        nn.Linear(32, 8),
    ]
    return nn.Sequential(*layers).double()


def batch(seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(ROWS, 6, generator=generator, dtype=torch.float64), torch.arange(ROWS) % 7


def plain_step(net, inputs, labels, loss, chunk=ROWS):
    """With the graph of all chunks in memory, which draws random numbers as the cached step does."""
    embeddings = torch.cat([net(part) for part in inputs.split(chunk)])
    value = loss(embeddings, labels)
    value.backward()
    return value.detach()


def gradients(net):
    return [parameter.grad for parameter in net.parameters()]


def assert_close(found, expected, tolerance=1e-12):
    # Sums over rows and chunks in another order; the last bias has a gradient of nothing but rounding.
    largest = max(other.abs().max() for other in expected)
    for one, other in zip(found, expected, strict=True):
        assert (one - other).abs().max() <= tolerance * largest, (one - other).abs().max()


@pytest.mark.parametrize("chunk", [1, 7, CHUNK, ROWS, 1000])
def test_the_gradient_is_that_of_the_plain_step(chunk):
    inputs, labels = batch()
    ours, other = model(), model()
    value = cached_step(ours, inputs, labels, TripletSemiHardLoss(), chunk)
    assert not value.requires_grad
    expected = plain_step(other, inputs, labels, TripletSemiHardLoss())
    assert abs(value - expected) <= 1e-12 * abs(expected)
    assert_close(gradients(ours), gradients(other))
    # Gradients are added.
    cached_step(ours, inputs, labels, TripletSemiHardLoss(), chunk)
    assert_close(gradients(ours), [2 * g for g in gradients(other)])


def test_dropout_draws_the_same_masks_and_leaves_the_state_of_the_plain_step():
    inputs, labels = batch()
    ours, other = model(drop=0.4), model(drop=0.4)
    torch.manual_seed(3)
    value = cached_step(ours, inputs, labels, TripletSemiHardLoss(), CHUNK)
    after = torch.rand(3)
    torch.manual_seed(3)
    expected = plain_step(other, inputs, labels, TripletSemiHardLoss(), CHUNK)
    assert value == expected
    assert torch.equal(after, torch.rand(3))
    assert_close(gradients(ours), gradients(other))


def test_under_autocast_the_weights_get_their_gradient():
    inputs, labels = batch()
    ours, other = model().float(), model().float()
    with torch.autocast("cpu", torch.bfloat16):
        value = cached_step(ours, inputs.float(), labels, TripletSemiHardLoss(), CHUNK)
        expected = plain_step(other, inputs.float(), labels, TripletSemiHardLoss(), CHUNK)
    assert value == expected
    assert all(gradient is not None for gradient in gradients(ours))
    # bfloat16 has 8 bits, and sums over chunks are rounded to it.
    assert_close(gradients(ours), gradients(other), tolerance=0.02)


def test_a_scaled_loss_gives_scaled_gradients():
    inputs, labels = batch()
    ours, other = model(), model()
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    value = cached_step(ours, inputs, labels, TripletSemiHardLoss(), CHUNK, scaler=scaler)
    assert abs(value - plain_step(other, inputs, labels, TripletSemiHardLoss())) < 1e-12
    assert_close(gradients(ours), [1024 * g for g in gradients(other)])


def test_losses_with_memory_and_with_parameters_are_called_once():
    inputs, labels = batch()
    ours, other = model(), model()
    memories = [CrossBatchMemory(TripletSemiHardLoss(), 8, 3 * ROWS) for _ in range(2)]
    for _ in range(2):
        value = cached_step(ours, inputs, labels, memories[0], CHUNK)
        expected = plain_step(other, inputs, labels, memories[1], CHUNK)
        assert value == expected
    for one, two in zip(memories[0].state_dict().values(), memories[1].state_dict().values(), strict=True):
        assert torch.equal(torch.as_tensor(one), torch.as_tensor(two))
    weight = nn.Parameter(torch.tensor(2.0, dtype=torch.float64))
    cached_step(model(), inputs, labels, lambda x, y: weight * TripletSemiHardLoss()(x, y), CHUNK)
    assert weight.grad is not None


@pytest.mark.parametrize("form", ["mapping", "list", "tuple"])
def test_inputs_of_several_tensors_are_cut_alike(form):
    inputs, labels = batch()
    net, other = model(), model()
    if form == "mapping":
        several = {"x": inputs, "y": 2 * inputs, "scale": 3.0}

        def embed(part):
            assert part["scale"] == 3.0
            return net(part["x"] + part["y"])
    else:
        several = [inputs, 2 * inputs] if form == "list" else (inputs, 2 * inputs)

        def embed(part):
            return net(part[0] + part[1])

    cached_step(embed, several, labels, TripletSemiHardLoss(), CHUNK)
    plain_step(other, 3 * inputs, labels, TripletSemiHardLoss())
    assert_close(gradients(net), gradients(other))


def test_no_more_than_a_chunk_is_given_to_the_model():
    seen = []
    inputs, labels = batch()
    net = model()

    def embed(part):
        seen.append((len(part), torch.is_grad_enabled()))
        return net(part)

    with torch.no_grad():
        cached_step(embed, inputs, labels, TripletSemiHardLoss(), CHUNK)
    sizes = [16, 16, 16, 2]
    assert seen == [(size, False) for size in sizes] + [(size, True) for size in sizes]


class OfParallel(nn.Module):
    """Counts what ``DistributedDataParallel`` would exchange."""

    def __init__(self, net):
        super().__init__()
        self.net, self.apart, self.exchanged = net, False, 0

    def forward(self, part):
        if torch.is_grad_enabled() and not self.apart:
            self.exchanged += 1
        return self.net(part)

    def no_sync(self):
        parallel = self

        class Apart:
            def __enter__(self):
                parallel.apart = True

            def __exit__(self, *_):
                parallel.apart = False

        return Apart()


def test_gradients_of_ranks_are_exchanged_once():
    inputs, labels = batch()
    parallel = OfParallel(model())
    cached_step(parallel, inputs, labels, TripletSemiHardLoss(), CHUNK)
    assert parallel.exchanged == 1


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"chunk": 0}, ValueError, "chunk is 0"),
        ({"chunk": True}, ValueError, "chunk is True"),
        ({"chunk": 2.5}, ValueError, "chunk is 2.5"),
        ({"inputs": torch.zeros(0, 6)}, ValueError, r"inputs has the shape \(0, 6\)"),
        ({"inputs": torch.tensor(1.0)}, ValueError, r"inputs has the shape \(\)"),
        ({"inputs": "rows"}, TypeError, "inputs is str"),
        ({"inputs": 7}, TypeError, "inputs is int"),
        ({"inputs": {}}, ValueError, "no tensor"),
        ({"inputs": [torch.zeros(3, 6), "x"]}, TypeError, r"inputs\[1\] is str"),
        (
            {"inputs": {"a": torch.zeros(3, 6), "b": torch.zeros(4, 6)}},
            ValueError,
            r"inputs\['b'\] has 4 rows",
        ),
        ({"model": lambda part: {"x": part}}, TypeError, "gives dict"),
        (
            {"model": lambda part: part[1:]},
            ValueError,
            r"of rows 0 to 16 the model gives the shape \(15, 6\)",
        ),
        ({"model": lambda part: part}, RuntimeError, "no parameter requires a gradient"),
        ({"model": model(normalisation=nn.BatchNorm1d(32))}, ValueError, "1 is BatchNorm1d in training mode"),
        ({"loss": lambda x, y: x.detach().sum().requires_grad_()}, RuntimeError, "no gradient"),
        ({"loss": TripletSemiHardLoss(reduction="none")}, ValueError, r"the shape \(50,\)"),
        ({"labels": torch.arange(7)}, ValueError, "7"),
    ],
)
def test_mistakes_are_named_and_leave_no_gradient(change, error, message):
    inputs, labels = batch()
    net = copy.deepcopy(change.get("model") or model())
    given = {
        "inputs": inputs,
        "labels": labels,
        "loss": TripletSemiHardLoss(),
        "chunk": CHUNK,
        **change,
        "model": net,
    }
    with pytest.raises(error, match=message):
        cached_step(**given)
    if isinstance(net, nn.Module):
        assert all(gradient is None for gradient in gradients(net))


def test_batch_norm_that_is_not_trained_may_be_there():
    inputs, labels = batch()
    net = model(normalisation=nn.BatchNorm1d(32))
    net[1].eval()
    cached_step(net, inputs, labels, TripletSemiHardLoss(), CHUNK)
    assert all(gradient is not None for gradient in gradients(net))
