"""What a JaxJob has to satisfy beyond the shape of its fields, without looking at other objects."""

from collections.abc import Mapping

from jaxop.api.v1alpha1.common import KubeModel
from jaxop.api.v1alpha1.jaxjob import Accelerator, Checkpoint, JaxJob, JaxJobSpec
from jaxop.api.v1alpha1.restart_policy import Backoff, RestartPolicy, RestartRule

from .rule import Rule

MAX_NAME_LENGTH = 45
"""Pods are called <name>-a<attempt>-s<slice>-<index>, and a host name has at most 63 characters."""

UNCHANGEABLE = "cannot change after creation: delete the JaxJob and create it anew"

RULES: Mapping[type[KubeModel], tuple[Rule, ...]] = {
    JaxJob: (
        Rule(
            f"self.metadata.name.size() <= {MAX_NAME_LENGTH}",
            f"at most {MAX_NAME_LENGTH} characters: pods get a suffix, and a host name has at most "
            "63; choose a shorter name",
            field=".metadata.name",
        ),
        Rule(
            "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
            "becomes part of host names: begin with a letter and use only a-z, 0-9 and -, without "
            "dots",
            field=".metadata.name",
        ),
    ),
    JaxJobSpec: (
        Rule("self.accelerator == oldSelf.accelerator", UNCHANGEABLE, field=".accelerator",
             reason="FieldValueForbidden"),
        Rule(
            "oldSelf.suspend || self.template == oldSelf.template",
            "can change only while the job is suspended: set spec.suspend to true first",
            field=".template",
            reason="FieldValueForbidden",
        ),
        Rule(
            "has(self.runtime) || !has(self.template.spec) || self.template.spec.containers.all("
            "c, c.name != 'jax' || (has(c.image) && size(c.image) > 0))",
            'the container "jax" needs an image with Python and the program in it, or '
            "spec.runtime a JaxRuntime that has one",
            field=".template",
            reason="FieldValueRequired",
        ),
        Rule(
            "oldSelf.suspend || (has(self.runtime) == has(oldSelf.runtime)"
            " && (!has(self.runtime) || self.runtime == oldSelf.runtime))",
            "can change only while the job is suspended: set spec.suspend to true first",
            field=".runtime",
            reason="FieldValueForbidden",
        ),
        Rule("self.managedBy == oldSelf.managedBy", UNCHANGEABLE, field=".managedBy",
             reason="FieldValueForbidden"),
        Rule(
            "has(self.checkpoint) == has(oldSelf.checkpoint)"
            " && (!has(self.checkpoint) || self.checkpoint == oldSelf.checkpoint)",
            UNCHANGEABLE,
            field=".checkpoint",
            reason="FieldValueForbidden",
        ),
        Rule(
            "!has(self.checkpoint) || !self.template.spec.containers.exists(c, c.name == 'jax'"
            " && has(c.volumeMounts) && c.volumeMounts.exists(m,"
            " m.mountPath == self.checkpoint.path))",
            'the container "jax" already mounts a volume there: remove that mount, or set another '
            "path",
            field=".checkpoint.path",
        ),
    ),
    RestartPolicy: (
        Rule(
            "self.inPlace || !has(self.rules)"
            " || !self.rules.exists(rule, rule.action == 'RestartInPlace')",
            "a rule has the action RestartInPlace, but inPlace is false: use Restart there, or set "
            "inPlace to true",
            field=".rules",
        ),
    ),
    RestartRule: (
        Rule(
            "(has(self.onCauses) && size(self.onCauses) > 0)"
            " || (has(self.onExitCodes) && size(self.onExitCodes) > 0)",
            "would match every failure: give onCauses, onExitCodes or both",
            reason="FieldValueRequired",
        ),
    ),
    Backoff: (
        Rule(
            "self.initialSeconds <= self.maxSeconds",
            "is more than maxSeconds: raise maxSeconds, or lower it",
            field=".initialSeconds",
        ),
    ),
    Checkpoint: (
        Rule(
            "self.path != '/jaxop' && !self.path.startsWith('/jaxop/')",
            "/jaxop is where the operator puts jaxrun: choose another path, such as /checkpoints",
            field=".path",
            reason="FieldValueForbidden",
        ),
        Rule(
            "self.path != '/jaxop-cache' && !self.path.startsWith('/jaxop-cache/')",
            "/jaxop-cache is where the operator puts the compile cache: choose another path, such "
            "as /checkpoints",
            field=".path",
            reason="FieldValueForbidden",
        ),
    ),
    Accelerator: (
        Rule(
            "has(self.topology) || has(self.hosts) || has(self.chipsPerHost)",
            "set topology (TPU, such as 4x4), chipsPerHost and hosts (GPU), or hosts (cpu)",
            reason="FieldValueRequired",
        ),
        Rule(
            "!(has(self.topology) && has(self.hosts))",
            "the number of hosts follows from the topology: remove hosts, or remove topology if "
            "this is not a TPU",
            field=".hosts",
            reason="FieldValueForbidden",
        ),
    ),
}  # fmt: skip
