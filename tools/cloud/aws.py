"""AWS on this machine: moto, with what it lacks.

moto keeps what is deployed. CloudFormation here knows the SAM transform (the library that AWS runs), Step Functions executes, and whoever
invokes a function gets the answer of the `invoke` that was given, which is told what moto holds of that function: its code, its
environment, its name.
"""

import isolated  # before all others

import contextlib
import json
import logging
import os
import socket
import threading
import urllib.request
import warnings

import moto.awslambda.models
import moto.cloudformation.models
import moto.ec2.models.vpcs
import moto.moto_server.threaded_moto_server
import moto.stepfunctions.models
import moto.stepfunctions.parser.models
from moto.core.exceptions import JsonRESTError
from samcli.yamlhelper import yaml_parse
from werkzeug.serving import WSGIRequestHandler

import template


class Refused(JsonRESTError):
    """What the Lambda service itself answers where it runs no function."""

    def __init__(self, status, error, message):
        self.code = status
        super().__init__(error, message)


class FunctionError(Exception):
    """A function that failed; the payload is what Lambda answers then."""

    def __init__(self, payload):
        super().__init__(payload)
        self.payload = payload


@contextlib.contextmanager
def served(invoke):
    """Serves until the with statement ends; what it gives is the environment for aws, boto3 and sam.

    invoke(function, event) takes what moto holds and the event, both as they are, and returns the answer as bytes. It may raise Refused and
    FunctionError.
    """
    port = free_port()
    environment = {
        "AWS_ENDPOINT_URL": f"http://localhost:{port}", "AWS_DEFAULT_REGION": isolated.REGION, "AWS_REGION": isolated.REGION,
        "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_SESSION_TOKEN": "local", "AWS_MAX_ATTEMPTS": "1",
        "SAM_CLI_TELEMETRY": "0", "SAM_CLI_CHECK_AWS_CREDENTIALS": "0",
    }
    with changed(os.environ, {**environment, "MOTO_PORT": str(port)}), transforming(), telling(), connecting(), executing(), invoking(invoke), quiet():
        server = moto.moto_server.threaded_moto_server.ThreadedMotoServer("127.0.0.1", port, verbose=False)
        server.start()
        try:
            ask(environment, "config", {"stepfunctions": {"execute_state_machine": True}})
            yield environment
        finally:
            ask(environment, "reset", {})
            server.stop()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def ask(environment, what, body):
    """Talks to moto itself."""
    request = urllib.request.Request(f"{environment['AWS_ENDPOINT_URL']}/moto-api/{what}", json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=30).read()


@contextlib.contextmanager
def changed(names, values):
    before = {n: names.get(n) for n in values}
    names.update(values)
    try:
        yield
    finally:
        for n, v in before.items():
            names.pop(n, None) if v is None else names.update({n: v})


@contextlib.contextmanager
def replaced(owner, name, make):
    """owner.name is make(as it was) until the with statement ends."""
    before = getattr(owner, name)
    setattr(owner, name, make(before))
    try:
        yield
    finally:
        setattr(owner, name, before)


def transforming():
    """moto's CloudFormation takes the template as the SAM transform leaves it."""
    def make(before):
        def create_change_set(self, **named):
            given = yaml_parse(named["template"])
            if "Transform" in given:
                named["template"] = json.dumps(template.transform(given, named["parameters"]))
            return before(self, **named)
        return create_change_set
    return replaced(moto.cloudformation.models.CloudFormationBackend, "create_change_set", make)


def telling():
    """A stack has the outputs of its template also where a change set made it."""
    def make(before):
        def execute_change_set(self, *given, **named):
            before(self, *given, **named)
            for stack in (s for s in self.stacks.values() if s.template):
                stack._parse_template()
                stack.output_map = stack._create_output_map()
        return execute_change_set
    return replaced(moto.cloudformation.models.CloudFormationBackend, "execute_change_set", make)


def connecting():
    """An endpoint in a VPC leaves out the subnets that the template leaves out, and has names that resolve nowhere here."""
    kind = moto.ec2.models.vpcs.VPCEndPoint

    def make(before):
        def create(cls, resource_name, cloudformation_json, account_id, region_name, **named):
            properties = cloudformation_json["Properties"]
            properties["SubnetIds"] = [subnet for subnet in properties["SubnetIds"] if subnet]
            return before(resource_name, cloudformation_json, account_id, region_name, **named)
        return classmethod(create)

    kind.get_cfn_attribute = lambda self, attribute: {
        "DnsEntries": [f"Z7HUB22UULQXV:{self.id}.{self.service_name}.vpce.amazonaws.com"]}[attribute]
    return replaced(kind, "create_from_cloudformation_json", make)


def executing():
    """A state machine that CloudFormation makes is one that moto executes, with its substitutions."""
    kind = moto.stepfunctions.models.StateMachine

    def make(before):
        def create(cls, resource_name, cloudformation_json, account_id, region_name, **named):
            properties = cloudformation_json["Properties"]
            definition = properties["DefinitionString"]
            for name, value in properties.get("DefinitionSubstitutions", {}).items():
                definition = definition.replace("${" + name + "}", value)
            return moto.stepfunctions.parser.models.stepfunctions_parser_backends[account_id][region_name].create_state_machine(
                properties["StateMachineName"], definition, properties["RoleArn"])
        return classmethod(create)
    return replaced(kind, "create_from_cloudformation_json", make)


def invoking(invoke):
    """moto's Lambda answers what invoke does."""
    def make(_):
        def answer(self, function_name, qualifier, body, headers, response_headers):
            function = self.get_function(function_name, qualifier)
            event = body if isinstance(body, bytes) else (body or "{}").encode()
            if headers.get("X-Amz-Invocation-Type") == "Event":
                threading.Thread(target=quietly(invoke), args=(function, event), daemon=True).start()
                return b""
            try:
                payload = invoke(function, event)
            except FunctionError as e:
                response_headers["x-amz-function-error"] = "Unhandled"
                payload = e.payload
            response_headers["Content-Length"] = str(len(payload))
            return payload
        return answer
    return replaced(moto.awslambda.models.LambdaBackend, "invoke", make)


def quietly(invoke):
    """Nobody waits for an invocation of type Event; what becomes of it stands in the function's log."""
    def run(function, event):
        with contextlib.suppress(FunctionError, Refused):
            invoke(function, event)
    return run


@contextlib.contextmanager
def quiet():
    """No line for each request, and none for what moto leaves out (test_template.py looks at those)."""
    logging.getLogger("moto").setLevel(logging.CRITICAL)
    logging.getLogger("samtranslator").setLevel(logging.ERROR)
    with warnings.catch_warnings(), replaced(WSGIRequestHandler, "log", lambda _: lambda self, type, message, *args: None):
        warnings.filterwarnings("ignore", message="Tried to parse .* not supported by moto", category=UserWarning)
        yield
