"""An account with a private database, for the real SAM CLI to deploy to: nothing of it outlives the with statement."""

import contextlib
import hashlib
import http.client
import io
import json
import os
import pathlib
import platform
import secrets
import shutil
import ssl
import subprocess
import sys
import threading
import urllib.parse
import zipfile

import boto3
import pg8000.dbapi

import aws
import project
import template

BUILD = template.ROOT / ".build" / "cloud"
COMMAND = BUILD / "cloud"  # function/cmd/cloud
GOARCH = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine()]
STACK = "aurora-migrations-dev"
RUNNER, PLANNER = "migrations_runner", "migrations_planner"  # users, as the README makes them


class Companion:
    """A process of function/cmd/cloud: what it serves, until stop."""

    def __init__(self, what, described=None):
        self.process = subprocess.Popen([COMMAND, what], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if described is not None:
            self.process.stdin.write(json.dumps(described) + "\n")
            self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            self.stop()
            raise RuntimeError(f"{COMMAND} {what} ended with {self.process.returncode} before it was ready")
        self.served = json.loads(line)

    def stop(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class Lambda:
    """Runs the code that was deployed with the environment that was deployed.

    Beside it a function gets the address of Secrets Manager, in place of the endpoint in the VPC.
    """

    def __init__(self):
        self.running, self.lock, self.log = {}, threading.Lock(), BUILD / "functions.log"

    def invoke(self, function, event):
        address = urllib.parse.urlsplit(self.companion(function).served["endpoint"])
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=function.timeout + 60)
        with contextlib.closing(connection):
            connection.request("POST", f"/2015-03-31/functions/{function.function_name}/invocations", event, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            payload = answer.read()
        if answer.status != 200:
            raise aws.Refused(answer.status, answer.headers["X-Amzn-ErrorType"], json.loads(payload).get("message", ""))
        if answer.headers["X-Amz-Function-Error"]:
            raise aws.FunctionError(payload)
        return payload

    def companion(self, function):
        """The same one for the same code and environment, so that it is warm the second time."""
        environment = {n: str(v) for n, v in function.environment_vars.items()}
        environment["AWS_ENDPOINT_URL_SECRETS_MANAGER"] = os.environ["AWS_ENDPOINT_URL"]
        key = hashlib.sha256(function.code_bytes + json.dumps([function.function_name, environment], sort_keys=True).encode()).hexdigest()
        with self.lock:
            if key not in self.running:
                self.running[key] = Companion("function", {
                    "name": function.function_name, "bootstrap": str(unpacked(function.code_bytes, BUILD / "code" / key)),
                    "environment": environment, "timeout": function.timeout, "memory_mb": function.memory_size, "log": str(self.log),
                })
            return self.running[key]

    def stop(self):
        for companion in self.running.values():
            companion.stop()


def unpacked(code, directory):
    """The bootstrap in a zip, with the permissions that it has there, as Lambda would have it."""
    with zipfile.ZipFile(io.BytesIO(code)) as z:
        z.extractall(directory)
        for entry in z.infolist():
            (directory / entry.filename).chmod(entry.external_attr >> 16 & 0o777)
    return directory / "bootstrap"


class Stage:
    """What there is: a database with three roles, their secrets, a network, and sam."""

    def __init__(self, database, environment):
        self.database, self.environment = database, environment
        self.passwords = {user: secrets.token_hex(16) for user in (RUNNER, PLANNER)}
        self.ever = list(self.passwords.values())  # every password that there was
        self.said = []  # all that sam printed
        self.ran = []  # the arguments of each sam
        self.root = BUILD / "project"  # which sam builds

    def prepare(self):
        for statement in project.users(self.passwords):
            self.execute(statement)
        self.root.mkdir()
        project.copied(self.root, {**self.network(), **self.where(), **self.secrets()})

    def where(self):
        return {"DatabaseHost": self.database["host"], "DatabasePort": self.database["port"],
                "DatabaseName": self.database["name"], "DatabaseRole": "app_owner", "RootCertificates": self.database["certificate"]}

    def secrets(self):
        """In the two shapes that there are: of a user that RDS manages, and of one that a rotation function does."""
        runner = {"username": RUNNER, "password": self.passwords[RUNNER]}
        planner = {"engine": "postgres", "host": self.database["host"], "port": str(self.database["port"]), "dbname": self.database["name"],
                   "username": PLANNER, "password": self.passwords[PLANNER]}
        client = boto3.client("secretsmanager")
        made = {n: client.create_secret(Name=n, SecretString=json.dumps(v))["ARN"] for n, v in ((RUNNER, runner), (PLANNER, planner))}
        return {"RunnerSecretArn": made[RUNNER], "PlannerSecretArn": made[PLANNER]}

    def network(self):
        ec2 = boto3.client("ec2")
        vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
        subnets = [s["SubnetId"] for s in ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]]
        group = ec2.create_security_group(GroupName="aurora", Description="aurora", VpcId=vpc)["GroupId"]
        return {"VpcId": vpc, "FirstSubnetId": subnets[0], "SecondSubnetId": subnets[1], "DatabaseSecurityGroupId": group}

    def rotate(self, user):
        """Gives a user another password, first in the database and then in the secret, as a rotation function does."""
        self.passwords[user] = secrets.token_hex(16)
        self.ever.append(self.passwords[user])
        self.execute(f"ALTER ROLE {user} PASSWORD '{self.passwords[user]}'")
        boto3.client("secretsmanager").put_secret_value(
            SecretId=user, SecretString=json.dumps({"username": user, "password": self.passwords[user]}))

    def execute(self, statement):
        """Runs a statement as the superuser; the rows, where there are any."""
        d = self.database
        context = ssl.create_default_context(cadata=d["certificate"])
        connection = pg8000.dbapi.connect(user=d["user"], password=d["password"], host=d["host"], port=d["port"], database=d["name"],
                                          ssl_context=context, timeout=30)
        with contextlib.closing(connection):
            connection.autocommit = True
            cursor = connection.cursor()
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def sam_environment(self):
        """Built is for this machine; and the make that sam starts knows nothing of one that started this."""
        inherited = {n: v for n, v in os.environ.items() if n not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
        return {**inherited, **self.environment, "GOARCH": GOARCH}

    def sam(self, *arguments, event=None):
        """Runs sam and returns what it printed, standard error last; a failure of sam is an error that holds both."""
        run = subprocess.run([pathlib.Path(sys.executable).with_name("sam"), *arguments], cwd=self.root, input=event, text=True,
                             capture_output=True, timeout=600, env=self.sam_environment())
        self.said.append(run.stdout + run.stderr)
        self.ran.append(arguments)
        if run.returncode:
            raise RuntimeError(f"sam {arguments[0]} ended with {run.returncode}:\n{run.stdout}{run.stderr}")
        return run.stdout, run.stderr


@contextlib.contextmanager
def set_up():
    shutil.rmtree(BUILD, ignore_errors=True)
    BUILD.mkdir(parents=True)
    subprocess.run(["go", "build", "-o", COMMAND, "./function/cmd/cloud"], cwd=template.ROOT, check=True, env={**os.environ, "GOARCH": GOARCH})
    with contextlib.ExitStack() as ends:
        database = Companion("database")
        ends.callback(database.stop)
        runner = Lambda()
        ends.callback(runner.stop)
        environment = ends.enter_context(aws.served(runner.invoke))
        stage = Stage(database.served, environment)
        stage.log = runner.log
        stage.prepare()
        yield stage
