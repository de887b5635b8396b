"""All that was told in an account: what the functions logged, what sam printed, and what moto would show to whoever may read it."""

import json

import boto3

import stage


def told(s):
    """By where it stands, the text of each."""
    yield "the log of the functions", s.log.read_text()
    yield "what sam printed", "".join(s.said)
    yield from configurations()
    yield from executions()
    yield from stack()


def configurations():
    client = boto3.client("lambda")
    for function in client.list_functions()["Functions"]:
        name = function["FunctionName"]
        yield f"the configuration of {name}", plain(client.get_function_configuration(FunctionName=name))


def executions():
    """Input, output and every step of each execution of a state machine."""
    client = boto3.client("stepfunctions")
    for machine in client.list_state_machines()["stateMachines"]:
        for execution in client.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]:
            arn = execution["executionArn"]
            yield f"the execution {execution['name']}", plain(client.describe_execution(executionArn=arn))
            yield f"the history of the execution {execution['name']}", plain(client.get_execution_history(executionArn=arn, maxResults=1000))


def stack():
    client = boto3.client("cloudformation")
    for what in (client.describe_stacks, client.describe_stack_events, client.get_template):
        yield f"the stack ({what.__name__})", plain(what(StackName=stage.STACK))


def plain(answer):
    return json.dumps(answer, default=str, ensure_ascii=False)
