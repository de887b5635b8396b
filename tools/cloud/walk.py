"""Deploys to a stand-in for AWS with the real SAM CLI, plans and applies there, and shows each step.

Any answer that is not the expected one ends it with an error. Nothing is left running.
"""

import json
import shlex
import sys
import time

import leaks
import stage

WIDTH = 118


def main():
    began = time.monotonic()
    show("A PostgreSQL with TLS, an account in moto, and the real SAM CLI.")
    with stage.set_up() as s:
        deploy(s)
        for function in ("PlannerFunction", "RunnerFunction"):
            ask(s, function, {"action": "doctor"}, "healthy")
        digest = plan(s)
        apply(s, digest)
        by_workflow(s, digest)
        check_nothing_leaked(s)
    show(f"\nThat was the whole chain, in {time.monotonic() - began:.0f} s. Nothing of it is left.")


def deploy(s):
    step(s, "validate", "--lint")
    step(s, "build", "--config-env", "dev", "--build-dir", str(stage.BUILD / "sam"))
    given = [f'{name}="{value}"' for name, value in s.parameters.items()]
    step(s, "deploy", "--config-env", "none", "--template-file", str(stage.BUILD / "sam" / "template.yaml"), "--stack-name", stage.STACK,
         "--s3-bucket", stage.BUCKET, "--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset", "--parameter-overrides", *given, shown=17)


def plan(s):
    """Both functions plan the same, though they log in as two users."""
    planner = ask(s, "PlannerFunction", {"action": "plan"}, "planned")
    runner = ask(s, "RunnerFunction", {"action": "plan"}, "planned", quiet=True)
    expect(planner["plan"]["digest"] == runner["plan"]["digest"], "planner and runner make two plans", planner["plan"], runner["plan"])
    return planner["plan"]["digest"]


def apply(s, digest):
    ask(s, "PlannerFunction", {"action": "apply", "plan": digest}, "blocked")
    expect(tables(s) == [], "a planner changed the database", tables(s))
    show("\nThe runner's secret is rotated.")
    s.rotate("migrator")
    ask(s, "RunnerFunction", {"action": "apply", "plan": digest}, "applied")
    expect(("dry_run_log", "app_owner") in tables(s), "the table is not there, or not the role's", tables(s))
    before = history(s)
    ask(s, "RunnerFunction", {"action": "apply", "plan": digest}, "applied", quiet=True)
    expect(history(s) == before, "the second apply of one digest left something", before, history(s))
    ask(s, "PlannerFunction", {"action": "status"}, "current")


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
    command, event = invocation("MigrationWorkflow", {"action": "apply", "plan": "not a digest"})
    out, err = s.sam(*command, event=event)
    expect("blocked - " in out + err, "the workflow did not say that it is blocked", out, err)


def check_nothing_leaked(s):
    for where, text in leaks.told(s):
        expect(text, f"there is nothing in {where}")
        for password in s.ever:
            expect(password not in text, f"a password stands in {where}")
    expect("CloudWatchMetrics" in s.log.read_text(), "the functions wrote no metrics", s.log.read_text())


# ---- showing and asking ----

def ask(s, resource, event, outcome, quiet=False):
    """Invokes as a person would and shows what a person would read; another outcome than the expected one is an error."""
    command, given = invocation(resource, event)
    if not quiet:
        show(f"\n$ echo {shlex.quote(given)} | sam {shlex.join(command)}"[:WIDTH + 60] + "\n")
    out, err = s.sam(*command, event=given)
    report = reported(out, err)
    if not quiet:
        for line in report["screen"]:
            show("  " + line)
    expect(report["outcome"] == outcome, f"{resource} answered {report['outcome']} and not {outcome}", out, err)
    return report


def invocation(resource, event):
    return ["remote", "invoke", resource, "--stack-name", stage.STACK, "--event-file", "-"], json.dumps(event, separators=(",", ":"))


def reported(out, err):
    """The report among what sam printed."""
    at = out.find("{")
    expect(at >= 0, "no report", out, err)
    return json.JSONDecoder().raw_decode(out[at:])[0]


def step(s, *arguments, shown=6):
    show(f"\n$ sam {shlex.join(arguments)}"[:WIDTH].split("-----BEGIN")[0])
    out, _ = s.sam(*arguments)
    for line in [x for x in out.splitlines() if x.strip()][-shown:]:
        show("  " + line[:WIDTH])


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
