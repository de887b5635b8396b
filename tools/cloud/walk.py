"""Deploys to a stand-in for AWS with the real SAM CLI, plans and applies there, and shows each step.

Any answer that is not the expected one ends it with an error. Nothing is left running.
"""

import json
import shlex
import sys
import time

import leaks
import project
import stage
import template

WIDTH = 118


# As the README has them: project.commands says what is in it, and after the walk none of them may be left.
INVOKE = "sam remote invoke {} --stack-name " + stage.STACK + " --event '{}'"
BUILD = "sam build --config-env dev"
DEPLOY = "sam deploy --config-env dev"
GUIDED = "sam deploy --guided --config-env dev"


def main():
    began = time.monotonic()
    show("A PostgreSQL with TLS, an account in moto, and the real SAM CLI.")
    with stage.set_up() as s:
        deploy(s)
        ask(s, "PlannerFunction", {"action": "status"}, "pending")
        for function in ("PlannerFunction", "RunnerFunction"):
            ask(s, function, {"action": "doctor"}, "healthy")
        digest = plan(s)
        apply(s, digest)
        by_workflow(s, digest)
        guided(s)
        check_nothing_leaked(s)
        check_nothing_left_out(s, digest)
    show(f"\nThat was the whole chain, in {time.monotonic() - began:.0f} s. Nothing of it is left.")


def deploy(s):
    step(s, "sam validate --lint --config-env dev")
    step(s, BUILD)
    step(s, DEPLOY, shown=17)


def guided(s):
    """It asks for each parameter; whoever keeps them all, and wants to see what would change, is not made to deploy it."""
    parameters = template.read()["Parameters"]
    said = step(s, GUIDED, answers="\n" * (2 + len(parameters)) + "y" + "\n" * 20)  # after those for stack and region
    for name in parameters:
        expect(f"Parameter {name} [" in said, f"it does not ask for {name}", said)
    expect("Deploy this changeset?" in said, "it deploys without having asked", said)


def plan(s):
    """Both functions plan the same, though they log in as two users."""
    planner = ask(s, "PlannerFunction", {"action": "plan"}, "planned")
    runner = ask(s, "RunnerFunction", {"action": "plan"}, "planned", quiet=True)
    expect(planner["plan"]["digest"] == runner["plan"]["digest"], "planner and runner make two plans", planner["plan"], runner["plan"])
    return planner["plan"]["digest"]


def apply(s, digest):
    ask(s, "PlannerFunction", {"action": "apply", "plan": digest}, "blocked")
    expect(tables(s) == [], "a planner changed the database", tables(s))
    may = s.execute(f"SELECT pg_has_role('{stage.PLANNER}', 'app_owner', 'MEMBER'), has_schema_privilege('{stage.PLANNER}', 'public', 'CREATE')")[0]
    expect(not any(may), "the planner's user may change the database", may)
    show("\nThe runner's secret is rotated.")
    s.rotate(stage.RUNNER)
    ask(s, "RunnerFunction", {"action": "apply", "plan": digest}, "applied")
    expect(("dry_run_log", "app_owner") in tables(s), "the table is not there, or not the role's", tables(s))
    before = history(s)
    ask(s, "RunnerFunction", {"action": "apply", "plan": digest}, "applied", quiet=True)
    expect(history(s) == before, "the second apply of one digest left something", before, history(s))
    ask(s, "PlannerFunction", {"action": "status"}, "current")
    for function in ("PlannerFunction", "RunnerFunction"):
        ask(s, function, {"action": "doctor"}, "healthy", quiet=True)


def by_workflow(s, digest):
    """On the database as it was at first, so the plan is the same one."""
    show("\nThe database is emptied, and the workflow applies.")
    for table, _ in tables(s):
        s.execute(f"DROP TABLE {table} CASCADE")
    s.execute("DROP SCHEMA IF EXISTS atlas_schema_revisions CASCADE")
    again = ask(s, "PlannerFunction", {"action": "plan"}, "planned", quiet=True)
    expect(again["plan"]["digest"] == digest, "the same database has another plan", digest, again["plan"])
    ask(s, "MigrationWorkflow", {"action": "apply", "plan": digest}, "applied")
    expect(("dry_run_log", "app_owner") in tables(s), "the table is not there, or not the role's", tables(s))
    out, err = s.sam(*arguments(invocation("MigrationWorkflow", {"action": "apply", "plan": "not a digest"})))
    expect("blocked - " in out + err, "the workflow did not say that it is blocked", out, err)


def check_nothing_leaked(s):
    for where, text in leaks.told(s):
        expect(text, f"there is nothing in {where}")
        for password in s.ever:
            expect(password not in text, f"a password stands in {where}")
    expect("CloudWatchMetrics" in s.log.read_text(), "the functions wrote no metrics", s.log.read_text())


def check_nothing_left_out(s, digest):
    """Each sam command of the README was run here, word for word but for the digest."""
    ran = {tuple(a.replace(digest, "<digest>") for a in arguments) for arguments in s.ran}
    written = list(project.commands("sam"))
    expect(len(written) >= 8, "there are hardly any sam commands in the README", *written)
    left = [c for c in written if tuple(arguments(c)) not in ran]
    expect(not left, "the README has commands that are not run here", *left)


# ---- showing and asking ----

def ask(s, resource, event, outcome, quiet=False):
    """Invokes as a person would and shows what a person would read; another outcome than the expected one is an error."""
    command = invocation(resource, event)
    if not quiet:
        show(f"\n$ {command}\n")
    out, err = s.sam(*arguments(command))
    report = reported(out, err)
    if not quiet:
        for line in report["screen"]:
            show("  " + line)
    expect(report["outcome"] == outcome, f"{resource} answered {report['outcome']} and not {outcome}", out, err)
    return report


def invocation(resource, event):
    return INVOKE.format(resource, json.dumps(event, separators=(",", ":")))


def arguments(command):
    return shlex.split(command)[1:]


def reported(out, err):
    """The report among what sam printed."""
    at = out.find("{")
    expect(at >= 0, "no report", out, err)
    return json.JSONDecoder().raw_decode(out[at:])[0]


def step(s, command, shown=6, answers=None):
    show(f"\n$ {command}")
    out, _ = s.sam(*arguments(command), event=answers)
    for line in [x for x in out.splitlines() if x.strip()][-shown:]:
        show("  " + line[:WIDTH])
    return out


def tables(s):
    return [tuple(r) for r in s.execute(
        "SELECT tablename::text, tableowner::text FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")]


def history(s):
    return s.execute("SELECT * FROM atlas_schema_revisions.atlas_schema_revisions ORDER BY version")


def expect(true, said, *more):
    if not true:
        sys.exit("\n".join(["cloud: " + said, *map(str, more)]))


def show(text):
    print(text, flush=True)


if __name__ == "__main__":
    main()
