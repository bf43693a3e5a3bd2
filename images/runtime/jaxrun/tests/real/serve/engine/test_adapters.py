"""What training leaves behind is served as it answered then."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
import pytest
from engine_models import loaded
from flax import linen, nnx
from jax import export

from jaxrun import serve
from jaxrun.serve.adapters import exported, flax_linen, flax_nnx, orbax

X = np.linspace(-1, 1, 6, dtype=np.float32).reshape(2, 3)
FIELDS: dict[str, Any] = {
    "name": "net",
    "inputs": {"x": serve.Input(("batch", 3), "float32")},
    "outputs": {"y": serve.Output(("batch", 4))},
    "buckets": {"batch": (4,)},
}


class NnxNet(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.dense = nnx.Linear(3, 4, rngs=rngs)
        self.norm = nnx.BatchNorm(4, rngs=rngs, use_running_average=True)
        self.drop = nnx.Dropout(0.5, rngs=rngs, deterministic=True)

    def __call__(self, x: Any) -> Any:
        return self.drop(self.norm(self.dense(x)))


class LinenNet(linen.Module):
    @linen.compact
    def __call__(self, x: Any) -> Any:
        return linen.Dense(4)(x)


def call(net: Any, inputs: dict[str, Any]) -> dict[str, Any]:
    return {"y": net(inputs["x"])}


def answers(model: serve.Model, right: Any) -> None:
    engine = loaded(model)
    (answer,) = engine.run(model.grid.all()[-1], [{"x": X}]).result(120)
    assert isinstance(answer, dict)
    np.testing.assert_allclose(answer["y"], right, rtol=1e-5, atol=1e-6)
    engine.close()


def saved(directory: Path, tree: Any) -> Path:
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(directory, tree)
    return directory


def test_an_nnx_module_as_it_is() -> None:
    net = NnxNet(nnx.Rngs(1))
    answers(flax_nnx.model(net, call, **FIELDS), net(X))


@pytest.mark.parametrize("state_of", [nnx.state, lambda net: nnx.to_pure_dict(nnx.state(net))])
def test_an_nnx_module_with_the_weights_of_a_checkpoint(tmp_path: Path, state_of: Any) -> None:
    trained = NnxNet(nnx.Rngs(1))
    trained.norm.mean[...] = jnp.arange(4.0)
    weights = nnx.split(trained, nnx.RngState, ...)[2]
    other = nnx.merge(nnx.split(trained)[0], nnx.split(trained, nnx.RngState, ...)[1], weights)
    checkpoint = saved(tmp_path / "net", state_of(other))
    answers(flax_nnx.model(NnxNet(nnx.Rngs(2)), call, checkpoint, **FIELDS), trained(X))


def test_an_abstract_nnx_module_takes_everything_from_the_checkpoint(tmp_path: Path) -> None:
    trained = NnxNet(nnx.Rngs(1))
    checkpoint = saved(tmp_path / "net", nnx.state(trained))
    abstract = nnx.eval_shape(lambda: NnxNet(nnx.Rngs(2)))
    answers(flax_nnx.model(abstract, call, checkpoint, **FIELDS), trained(X))


def test_a_checkpoint_of_another_nnx_module_is_refused_by_name(tmp_path: Path) -> None:
    class Wider(nnx.Module):
        def __init__(self, rngs: nnx.Rngs) -> None:
            self.dense = nnx.Linear(3, 5, rngs=rngs)

    class Other(nnx.Module):
        def __init__(self, rngs: nnx.Rngs) -> None:
            self.conv = nnx.Linear(3, 4, rngs=rngs)

    checkpoint = saved(tmp_path / "net", nnx.state(NnxNet(nnx.Rngs(1))))
    with pytest.raises(ValueError, match=r"dense.bias has shape \[4\]; the module has \[5\]"):
        flax_nnx.model(Wider(nnx.Rngs(0)), call, checkpoint, **FIELDS)
    with pytest.raises(ValueError, match=r"conv.bias is missing; it has dense.bias, dense.kernel"):
        flax_nnx.model(Other(nnx.Rngs(0)), call, checkpoint, **FIELDS)


@pytest.mark.parametrize("part", ["variables", "params"])
def test_a_linen_module_with_a_checkpoint(tmp_path: Path, part: str) -> None:
    net = LinenNet()
    variables = net.init(jax.random.key(0), X)
    tree = variables if part == "variables" else variables["params"]
    checkpoint = saved(tmp_path / "net", tree)
    answers(flax_linen.model(net, call, checkpoint=checkpoint, **FIELDS), net.apply(variables, X))


def test_a_linen_module_with_its_variables() -> None:
    net = LinenNet()
    variables = net.init(jax.random.key(0), X)
    answers(flax_linen.model(net, call, variables, **FIELDS), net.apply(variables, X))


def test_the_newest_step_of_a_checkpoint_manager_or_another(tmp_path: Path) -> None:
    with ocp.CheckpointManager(tmp_path) as manager:
        for step in (8, 9, 10):
            manager.save(step, args=ocp.args.StandardSave({"w": np.full(2, step)}))
    assert orbax.read(tmp_path)["w"].tolist() == [10, 10]
    assert orbax.read(tmp_path, step=9)["w"].tolist() == [9, 9]
    with pytest.raises(FileNotFoundError, match=r"no step 7 in .*; there are \[8, 9, 10\]"):
        orbax.read(tmp_path, step=7)


def test_without_a_checkpoint_the_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere is not a directory"):
        orbax.read(tmp_path / "nowhere")


def program(params: Any, inputs: dict[str, Any]) -> dict[str, Any]:
    return {"y": inputs["x"] @ params["w"]}


W = np.arange(12, dtype=np.float32).reshape(3, 4)


def artifact_of(function: Any, *arguments: Any) -> bytes:
    return bytes(export.export(jax.jit(function))(*arguments).serialize())


def symbolic() -> dict[str, Any]:
    (batch,) = export.symbolic_shape("batch")
    return {"x": jax.ShapeDtypeStruct((batch, 3), np.float32)}


def test_an_exported_program_declares_itself(tmp_path: Path) -> None:
    file = tmp_path / "net.bin"
    file.write_bytes(artifact_of(program, {"w": W}, symbolic()))
    model = exported.model(file, params={"w": W}, name="net", buckets={"batch": (1, 4)})
    assert model.inputs == {"x": serve.Input(("batch", 3), "float32")}
    assert model.outputs == {"y": serve.Output(("batch", 4), "float32")}
    answers(model, X @ W)


def test_an_exported_program_with_its_params_inside_and_one_batch() -> None:
    artifact = artifact_of(
        lambda inputs: program({"w": W}, inputs), {"x": jax.ShapeDtypeStruct((4, 3), np.float32)}
    )
    answers(exported.model(artifact, name="net", buckets={"batch": (4,)}), X @ W)


def test_what_is_no_such_program_is_refused() -> None:
    fields: dict[str, Any] = {"name": "net", "buckets": {"batch": (4,)}}
    x = jax.ShapeDtypeStruct((4, 3), np.float32)
    with pytest.raises(ValueError, match="takes other than"):
        exported.model(artifact_of(lambda x: {"y": x}, x), **fields)
    with pytest.raises(ValueError, match="gives a list; it gives a dict"):
        exported.model(artifact_of(lambda inputs: [inputs["x"]], {"x": x}), **fields)
    with pytest.raises(ValueError, match="takes inputs alone; params is given"):
        exported.model(
            artifact_of(lambda inputs: {"y": inputs["x"]}, {"x": x}), params={}, **fields
        )
    other = export.export(jax.jit(lambda inputs: {"y": inputs["x"]}), platforms=("tpu",))({"x": x})
    with pytest.raises(ValueError, match="artifact is for tpu, and this is cpu"):
        exported.model(other.serialize(), **fields)
