"""What CloudFormation makes of template.yaml: the SAM transform that AWS runs, and the values of its intrinsic functions."""

import isolated  # noqa: F401, before all others: the transform asks boto3 for a region before it looks at the one that it is given

import pathlib
import re

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform as sam_transform

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILE = ROOT / "template.yaml"

PSEUDO = {
    "AWS::Partition": "aws", "AWS::Region": "eu-central-1", "AWS::AccountId": "123456789012",
    "AWS::URLSuffix": "amazonaws.com", "AWS::StackName": "migrations-test",
}
NOTHING = object()  # AWS::NoValue


class NoManagedPolicies:
    """Nothing in the template may ask for a managed policy by name."""

    def load(self):
        return {}


def read():
    """The template as it is written."""
    return yaml_parse(FILE.read_text())


def deployed():
    """The template as sam deploy hands it in: the code is in a bucket."""
    template = read()
    template["Globals"]["Function"]["CodeUri"] = "s3://bucket/code"
    return template


def transform(template, parameters):
    """The template without SAM in it. The template given is changed on the way, so give one of your own."""
    given = {name: str(value) for name, value in parameters.items()}
    return sam_transform(template, {**given, "AWS::Region": PSEUDO["AWS::Region"], "AWS::Partition": "aws"}, NoManagedPolicies())


class Evaluation:
    """A transformed template with the values that parameters give it.

    What only a deployment knows stays recognizable: Ref is <Name>, GetAtt is <Name.Attribute>.
    """

    def __init__(self, template, parameters):
        self.template = template
        self.values = {name: p["Default"] for name, p in template["Parameters"].items() if "Default" in p}
        self.values.update(parameters)

    def resources(self):
        """Resource name to resource, of those that are made."""
        made = {n: r for n, r in self.template["Resources"].items() if "Condition" not in r or self.condition(r["Condition"])}
        return {n: self.value(r) for n, r in made.items()}

    def outputs(self):
        return {n: self.value(o["Value"]) for n, o in self.template["Outputs"].items()}

    def broken(self):
        """What the Rules say against the parameters."""
        said = []
        for rule in self.template["Rules"].values():
            if "RuleCondition" in rule and not self.value(rule["RuleCondition"]):
                continue
            said += [a["AssertDescription"] for a in rule["Assertions"] if not self.value(a["Assert"])]
        return said + self.misfits()

    def misfits(self):
        """Parameters outside of what they allow, each as CloudFormation says it."""
        said = []
        for name, p in self.template["Parameters"].items():
            value = str(self.values.get(name, ""))
            if name not in self.values or value not in map(str, p.get("AllowedValues", [value])) or \
                    not re.fullmatch(p.get("AllowedPattern", r"(?s).*"), value) or len(value) > int(p.get("MaxLength", 4096)):
                said.append(f"{name}: {p.get('ConstraintDescription', p.get('AllowedValues', 'needs a value'))}")
        return said

    def condition(self, name):
        return self.value(self.template["Conditions"][name])

    def value(self, v):
        if isinstance(v, list):
            return [x for x in map(self.value, v) if x is not NOTHING]
        if not isinstance(v, dict):
            return v
        if len(v) == 1:
            (name, argument), = v.items()
            function = getattr(self, "fn_" + name.replace("Fn::", "").lower(), None)
            if function and (name.startswith("Fn::") or name in ("Ref", "Condition") and isinstance(argument, str)):
                return function(argument)
        return {k: x for k, x in ((k, self.value(x)) for k, x in v.items()) if x is not NOTHING}

    def fn_ref(self, name):
        if name == "AWS::NoValue":
            return NOTHING
        return PSEUDO.get(name) or self.values.get(name, f"<{name}>")

    def fn_getatt(self, path):
        return "<" + (path if isinstance(path, str) else ".".join(path)) + ">"

    def fn_condition(self, name):
        return self.condition(name)

    def fn_if(self, argument):
        name, then, otherwise = argument
        return self.value(then if self.condition(name) else otherwise)

    def fn_sub(self, argument):
        text, names = (argument, {}) if isinstance(argument, str) else argument

        def one(match):
            name = match.group(1)
            if name in names:
                return str(self.value(names[name]))
            return str(self.fn_getatt(name) if "." in name else self.fn_ref(name))
        return re.sub(r"\$\{([A-Za-z0-9:.]+)\}", one, text)

    def fn_join(self, argument):
        between, parts = argument
        return between.join(map(str, self.value(parts)))

    def fn_select(self, argument):
        index, parts = argument
        parts = self.value(parts)
        return parts[int(index)] if isinstance(parts, list) else f"{parts}[{index}]"

    def fn_split(self, argument):
        between, text = argument
        return self.value(text).split(between) if between in self.value(text) else [self.value(text)] * 2

    def fn_equals(self, argument):
        a, b = self.value(argument)
        return a == b

    def fn_not(self, argument):
        return not self.value(argument[0])

    def fn_and(self, argument):
        return all(map(self.value, argument))

    def fn_or(self, argument):
        return any(map(self.value, argument))

    def fn_eachmemberequals(self, argument):
        members, wanted = argument
        return all(m == self.value(wanted) for m in self.value(members))

    def fn_valueofall(self, argument):
        kind, attribute = argument
        return [self.values.get(f"{attribute} of {self.values[n]}", self.values["VpcId"])
                for n, p in self.template["Parameters"].items() if p["Type"] == kind]
