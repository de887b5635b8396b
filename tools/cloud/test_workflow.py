"""MigrationWorkflow, executed as Step Functions would, with a runner that answers what the test says."""

import json
import time
import uuid

import boto3
import pytest

import aws
import template

DIGEST = "p1_" + 64 * "a" + "_" + 24 * "b"
PARAMETERS = {"EnvironmentName": "test", "DatabaseHost": "localhost", "DatabaseName": "app", "VpcId": "vpc-11111111",
              "FirstSubnetId": "subnet-aaaaaaaa", "SecondSubnetId": "subnet-bbbbbbbb", "DatabaseSecurityGroupId": "sg-dddddddd",
              "RunnerSecretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:runner-AbCdEf",
              "SecretsEndpointSecurityGroupId": "sg-eeeeeeee"}


class Runner:
    """Answers one after the other; a test that asks for more than there are fails."""

    def __init__(self):
        self.answers, self.events = [], []

    def __call__(self, function, event):
        self.events.append(json.loads(event))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return json.dumps(answer).encode()


@pytest.fixture(scope="module")
def machine():
    """The workflow, deployed; what it gives starts an execution and waits for its end."""
    runner = Runner()
    with aws.served(runner):
        states, role = boto3.client("stepfunctions"), "arn:aws:iam::123456789012:role/any"
        boto3.client("iam").create_role(RoleName="any", AssumeRolePolicyDocument="{}")
        arn = boto3.client("lambda").create_function(
            FunctionName="runner", Role=role, Runtime="provided.al2023", Handler="bootstrap", Code={"ZipFile": empty_zip()})["FunctionArn"]
        created = states.create_state_machine(name="workflow", roleArn=role, definition=definition(arn))["stateMachineArn"]

        def execute(answers, given):
            runner.answers, runner.events = list(answers), []
            execution = states.start_execution(stateMachineArn=created, name=str(uuid.uuid4()), input=json.dumps(given))["executionArn"]
            end = time.monotonic() + 60
            while (e := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
                assert time.monotonic() < end, "the execution does not end"
                time.sleep(0.05)
            assert runner.answers == [], "the workflow ended before it had all answers"
            return e, runner.events
        yield execute


def empty_zip():
    return b"PK\x05\x06" + 18 * b"\0"


def definition(runner):
    """The definition as it is deployed, for that runner."""
    evaluation = template.Evaluation(template.transform(template.deployed(), PARAMETERS), PARAMETERS)
    properties = evaluation.resources()["MigrationWorkflow"]["Properties"]
    text = properties["DefinitionString"]
    for name, value in properties.get("DefinitionSubstitutions", {}).items():
        text = text.replace("${" + name + "}", value)
    return shortened(json.loads(text.replace("<RunnerFunction.Arn>", runner)))


def shortened(machine):
    """Only the pause between two rounds is shorter here."""
    assert machine["States"]["Wait"]["Seconds"] == 5
    machine["States"]["Wait"]["Seconds"] = 1
    return json.dumps(machine)


def report(outcome, **more):
    return {"screen": ["What a person reads."], "ok": outcome == "applied", "outcome": outcome, "action": "apply",
            "next": "Do this.", **more}


def unfinished(progress, **more):
    return report("unfinished", progress=progress, **more)


BLOCKED = report("blocked", refusal={"reason": "approval", "summary": "this plan has not been approved"})
IDLE = "unfinished - two rounds in a row ended without a statement more applied. Next - Do this."
EVENT = {"action": "apply", "plan": DIGEST}
SENT = {**EVENT, "brief": True}


@pytest.mark.parametrize("answers", [
    [report("applied")],
    [report("nothing_to_do")],
    [unfinished(2), unfinished(5), report("applied")],
    [unfinished(2), unfinished(2), unfinished(3), unfinished(3), report("applied")],
    [unfinished(0), report("applied")],
    [unfinished(1), unfinished(1, lock={"pid": 7}), unfinished(1, lock={"pid": 7}), report("applied")],
], ids=["at once", "nothing to do", "unfinished twice", "a round without progress now and then", "one round without progress",
        "a session of the plan is at work"])
def test_applies_until_it_is_no_longer_unfinished(machine, answers):
    execution, events = machine(answers, EVENT)
    assert execution["status"] == "SUCCEEDED", execution
    assert json.loads(execution["output"]) == answers[-1]
    assert events == [SENT] * len(answers)


@pytest.mark.parametrize("answers, error, cause", [
    ([report("failed", error={"message": "ERROR: relation \"user\" does not exist (SQLSTATE 42P01)"})], "failed",
     'failed - ERROR: relation "user" does not exist (SQLSTATE 42P01) Next - Do this.'),
    ([BLOCKED], "blocked", "blocked - this plan has not been approved Next - Do this."),
    ([unfinished(4), BLOCKED], "blocked", "blocked - this plan has not been approved Next - Do this."),
    ([report("invalid", error={"message": "unknown action"})], "invalid", "invalid - unknown action Next - Do this."),
    ([report("planned")], "planned", "planned - Next - Do this."),
    ([unfinished(0), unfinished(0)], "no_progress", IDLE),
    ([unfinished(3), unfinished(3), unfinished(3)], "no_progress", IDLE),
    ([report("unfinished"), report("unfinished")], "no_progress", IDLE),
    (["no report"], "not_a_report", "What the runner answered is not a report. Send it the action status, which tells how far the database is."),
], ids=["failed", "blocked", "blocked later", "invalid", "an outcome of another action", "no progress", "no progress any more",
        "a report that tells no progress", "not a report"])
def test_fails_loudly_otherwise(machine, answers, error, cause):
    execution, events = machine(answers, EVENT)
    assert (execution["status"], execution.get("error"), execution.get("cause")) == ("FAILED", error, cause)
    assert events == [SENT] * len(answers)


@pytest.mark.parametrize("fault", [
    (500, "ServiceException"), (502, "AWSLambdaException"), (429, "TooManyRequestsException"), (502, "ResourceNotReadyException"),
    (500, "SdkClientException"), (500, "ClientExecutionTimeoutException"),
], ids=lambda f: f[1])
def test_asks_again_where_the_service_failed(machine, fault):
    execution, events = machine([aws.Refused(*fault, "not now"), report("applied")], EVENT)
    assert execution["status"] == "SUCCEEDED", execution
    assert events == [SENT] * 2


def test_does_not_ask_again_where_the_service_said_no(machine):
    execution, events = machine([aws.Refused(403, "AccessDeniedException", "not you")], EVENT)
    assert (execution["status"], execution["error"]) == ("FAILED", "Lambda.AccessDeniedException")
    assert execution["cause"].startswith("The runner gave no report. What was committed stays.") and "not you" in execution["cause"]
    assert events == [SENT]


@pytest.mark.parametrize("error", ["Sandbox.Timedout", "Runtime.ExitError", "Migrator.Panic"])
def test_does_not_repeat_a_function_that_failed(machine, error):
    payload = json.dumps({"errorType": error, "errorMessage": "it is gone"}).encode()
    execution, events = machine([aws.FunctionError(payload)], EVENT)
    assert (execution["status"], execution["error"]) == ("FAILED", error)
    assert execution["cause"].startswith("The runner gave no report. What was committed stays.") and "it is gone" in execution["cause"]
    assert events == [SENT]


@pytest.mark.parametrize("given, sent", [
    ({"plan": DIGEST}, SENT),
    ({**EVENT, "brief": False}, SENT),
    ({**EVENT, "to": "017", "approval": {"accept": ["AM101"]}}, {**SENT, "to": "017", "approval": {"accept": ["AM101"]}}),
    ({**EVENT, "foo": 1}, {**SENT, "foo": 1}),
])
def test_hands_on_what_it_was_given(machine, given, sent):
    """The runner, not the workflow, refuses what it does not know."""
    assert machine([report("applied")], given)[1] == [sent]


def test_only_applies(machine):
    execution, events = machine([], {"action": "baseline", "version": "016"})
    assert (execution["status"], execution["error"]) == ("FAILED", "invalid")
    assert events == []
