"""Two minutes in which a client hears nothing and sends the same event again, without telling anybody.

The real SAM CLI, with all of boto3's defaults, applies a migration that takes longer than it waits for an answer (60 s), twice over. A second
client sends the same event in between. That makes five POSTs of one apply, and has to end in one run and five equal answers. A test in Go does
the same within a second, without SAM.
"""

import json
import os
import subprocess
import threading
import time

import boto3
from botocore.config import Config

import aws
import stage
import template
import walk

TAKES = 135  # seconds: sam sends at 0, 60 and 120
SLOW = f"""CREATE TABLE runs (at timestamptz NOT NULL DEFAULT clock_timestamp());
INSERT INTO runs DEFAULT VALUES;
SELECT pg_sleep({TAKES});
"""


def main():
    posts, began = [], time.monotonic()
    with aws.replaced(stage.Lambda, "invoke", lambda before: recorded(before, posts)), stage.set_up() as s:
        slow(s.root)
        walk.deploy(s)
        digest = walk.ask(s, "PlannerFunction", {"action": "plan"}, "planned")["plan"]["digest"]
        posts.clear()
        report = apply(s, {"action": "apply", "plan": digest}, posts)
        walk.show(f"\nsam printed: {report['outcome']}")
        judge(s, report, posts)
        walk.check_nothing_leaked(s)
    walk.show(f"\nOne run, {len(posts)} equal answers, in {time.monotonic() - began:.0f} s.")


def slow(project):
    """One slow migration in the place of the project's own."""
    migrations = project / "migrations"
    for name in [*migrations.glob("*.sql"), *migrations.glob("*.json"), migrations / "atlas.sum"]:
        name.unlink()
    (migrations / "001_slow.sql").write_text(SLOW)
    subprocess.run(["go", "run", "./function/cmd/aurora-migrate", "hash", "--dir", migrations], cwd=template.ROOT, check=True,
                   env={**os.environ, "GOARCH": stage.GOARCH}, stdout=subprocess.DEVNULL)


def recorded(before, posts):
    """invoke, which notes of each POST when it came, what it was, and what was answered, whether or not somebody still listens."""
    def invoke(self, function, event):
        post = {"at": time.monotonic(), "event": json.loads(event)}
        posts.append(post)
        post["answer"] = before(self, function, event)
        return post["answer"]
    return invoke


def apply(s, event, posts):
    """The report that sam prints, when all POSTs were answered."""
    for names in (s.environment, os.environ):
        names.pop("AWS_MAX_ATTEMPTS", None)  # boto3's default, as anybody has it
    others = [threading.Thread(target=post, args=(event, after)) for after in (30, 90)]
    for other in others:
        other.start()
    command = walk.invocation("RunnerFunction", event)
    walk.show(f"\n$ {command}")
    out, err = s.sam(*walk.arguments(command))
    for other in others:
        other.join()
    end = time.monotonic() + 30
    while not all("answer" in p for p in posts):
        walk.expect(time.monotonic() < end, "a POST was never answered", posts)
        time.sleep(0.1)
    return walk.reported(out, err)


def post(event, after):
    """Another client, which waits as long as it takes."""
    time.sleep(after)
    client = boto3.session.Session().client("lambda", config=Config(read_timeout=2 * TAKES, retries={"total_max_attempts": 1}))
    client.invoke(FunctionName="aurora-migrations-runner-dev", Payload=json.dumps(event))


def judge(s, report, posts):
    for p in posts:
        walk.show(f"  a POST after {p['at'] - posts[0]['at']:5.1f} s, answered {json.loads(p['answer'])['outcome']}")
    walk.expect(len(posts) == 5, f"there were {len(posts)} POSTs and not five")
    walk.expect(report["outcome"] == "applied", "sam printed another outcome", report)
    answers = [timeless(json.loads(p["answer"])) for p in posts]
    walk.expect(all(a == timeless(report) for a in answers), "the answers differ", *answers, report)
    runs = s.execute("SELECT count(*) FROM runs")[0][0]
    walk.expect(runs == 1, f"it ran {runs} times")
    rows = walk.history(s)
    walk.expect(len(rows) == 1, "the history has another number of rows than one", *rows)


def timeless(value):
    """A report without how long statements took, which only that of the one tells that ran them."""
    if isinstance(value, list):
        return [timeless(v) for v in value]
    if isinstance(value, dict):
        return {n: timeless(v) for n, v in value.items() if n != "milliseconds"}
    return value


if __name__ == "__main__":
    main()
