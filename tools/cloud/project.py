"""A copy of this repository as somebody has it who filled in samconfig.toml, and the commands that the README tells them."""

import json
import re
import shutil

import template

# What a cluster of Aurora has no need of: it listens at the port that is the default, and the function knows who signed its certificate.
OWN = ("DatabasePort", "RootCertificates")

# What stands in angle brackets in the environment dev of samconfig.toml, and the parameter that it is.
BLANK = re.compile(r'"(\w+)=<[^>]+>"')


def copied(into, parameters):
    """Copies what sam builds, with the blanks of dev filled in; what else parameters have and dev does not, is added."""
    for name in ("template.yaml", "Makefile", "go.mod", "go.sum"):
        shutil.copy(template.ROOT / name, into / name)
    for name in ("function", "migrations"):
        shutil.copytree(template.ROOT / name, into / name)
    (into / "samconfig.toml").write_text(filled((template.ROOT / "samconfig.toml").read_text(), parameters))


def filled(config, parameters):
    before, dev, after = re.fullmatch(r"(.*?\n)(\[dev\.deploy\.parameters\]\n.*?)(\n\[.*)", config, re.DOTALL).groups()
    dev = BLANK.sub(lambda blank: assigned(blank[1], parameters[blank[1]]), dev)
    more = "".join(f"    {assigned(name, parameters[name])},\n" for name in OWN)
    return before + dev.replace("\n]", "\n" + more + "]") + after


def assigned(name, value):
    """A parameter as an item of parameter_overrides: sam takes the value in quotes, and what TOML would read in it is escaped."""
    return json.dumps(f'{name}="{value}"' if re.search(r"\s", str(value)) else f"{name}={value}")


def users(passwords):
    """The statements of the README that make the users, with their passwords."""
    block = re.search(r"```sql\n(\s*CREATE ROLE .*?)```", (template.ROOT / "README.md").read_text(), re.DOTALL)[1]
    for statement in re.sub(r"--.*", "", block).split(";")[:-1]:
        user = re.search(r"CREATE ROLE (\w+) LOGIN PASSWORD", statement)
        yield statement.replace("'...'", f"'{passwords[user[1]]}'") if user else statement


def commands(program):
    """Those of the README that begin with program, in its order: a line of a block for the shell, or one with an option that the text names."""
    fenced = False
    for line in (template.ROOT / "README.md").read_text().splitlines():
        text = line.strip()
        if text.startswith("```"):
            fenced = text == "```sh"
        elif text.startswith(program + " ") and (fenced or line.startswith("    ")):
            yield text
        else:
            yield from re.findall(rf"`({program} [^`]*--[^`]+)`", line)
