"""template.yaml, as AWS would see it: what it grants, what it opens, and which parameters it refuses."""

import json
import tomllib

import pytest

import template

SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:runner-AbCdEf"
ANOTHER = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:planner-GhIjKl"
KEY = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
LOG_KEY = "arn:aws:kms:eu-central-1:123456789012:key/66666666-7777-8888-9999-000000000000"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:alarms"
BOUNDARY = "arn:aws:iam::123456789012:policy/boundary"

LEAST = {
    "EnvironmentName": "dev", "DatabaseHost": "app.cluster-abc.eu-central-1.rds.amazonaws.com", "DatabaseName": "app",
    "VpcId": "vpc-11111111", "FirstSubnetId": "subnet-aaaaaaaa", "SecondSubnetId": "subnet-bbbbbbbb",
    "DatabaseSecurityGroupId": "sg-dddddddd",
}
SECRETS = {**LEAST, "RunnerSecretArn": SECRET, "SecretsEndpointSecurityGroupId": "sg-eeeeeeee"}
IAM = {**LEAST, "DatabaseAuth": "iam", "ClusterResourceId": "cluster-7XKQ2ZB4LM", "RunnerUser": "migrator", "PlannerUser": "planner",
       "DatabaseRole": "app_owner"}
KEYS = ("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAExgLzzU76cx8aPKBbGe9p7c9o3BOtK5Xuz4JSujyJ+g4ZfQNF+a2J0UE6Xa2gqOAO/2lPryD/+hRMdJVEi3j4aA==,"
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEk2yXvOXz1Ivr2Rm2dq2XmrxQ9qVv6Xn0Zb5s0o3pJm1cQ7rKQ0q2e5nq0sYpPp9uC0m3l0H2kq8v3x7q9C8YVw==")
MOST = {**LEAST, "RunnerSecretArn": SECRET, "PlannerSecretArn": ANOTHER, "SecretsKmsKeyArn": KEY, "CreateSecretsEndpoint": "true",
        "DatabaseRole": "app_owner", "ThirdSubnetId": "subnet-cccccccc", "LogKmsKeyArn": LOG_KEY, "LogRetentionDays": 90,
        "Tracing": "true", "PermissionsBoundaryArn": BOUNDARY, "AlarmTopicArn": TOPIC, "CheckSchedule": "rate(1 day)",
        "Approval": "signature", "ApprovalKeys": KEYS, "ApprovalsNeeded": "2", "NeverAccept": "DS101,DS102"}
ALL = {"secrets": SECRETS, "iam": IAM, "most": MOST}


def evaluation(parameters):
    return template.Evaluation(template.transform(template.deployed(), parameters), parameters)


def made(parameters):
    return evaluation(parameters).resources()


def properties(resources, kind):
    return {n: r.get("Properties", {}) for n, r in resources.items() if r["Type"] == kind}


# ---- permissions ----

def log_statement(name):
    return {"Sid": "WriteItsLog", "Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": f"arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda/aurora-migrations-{name}-dev:log-stream:*"}


def network_statements(name, *subnets):
    ec2 = "arn:aws:ec2:eu-central-1:123456789012:"
    return [
        {"Sid": "SeeNetwork", "Effect": "Allow", "Action": ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"], "Resource": "*"},
        {"Sid": "ConnectToVpc", "Effect": "Allow",
         "Action": ["ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:AssignPrivateIpAddresses",
                    "ec2:UnassignPrivateIpAddresses"],
         "Resource": [ec2 + "network-interface/*", ec2 + "security-group/<SecurityGroup.GroupId>"] + [ec2 + "subnet/" + s for s in subnets]},
        {"Sid": "ButNotOurCode", "Effect": "Deny",
         "Action": ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
                    "ec2:DetachNetworkInterface", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"],
         "Resource": "*",
         "Condition": {"ArnEquals": {
             "lambda:SourceFunctionArn": f"arn:aws:lambda:eu-central-1:123456789012:function:aurora-migrations-{name}-dev"}}},
    ]


def secret_statement(arn):
    return {"Sid": "ReadItsSecret", "Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": arn}


def key_statement(arn):
    return {"Sid": "DecryptItsSecret", "Effect": "Allow", "Action": "kms:Decrypt", "Resource": KEY,
            "Condition": {"StringEquals": {"kms:ViaService": "secretsmanager.eu-central-1.amazonaws.com",
                                           "kms:EncryptionContext:SecretARN": arn}}}


def login_statement(user):
    return {"Sid": "LogIntoTheDatabase", "Effect": "Allow", "Action": "rds-db:connect",
            "Resource": f"arn:aws:rds-db:eu-central-1:123456789012:dbuser:cluster-7XKQ2ZB4LM/{user}"}


TRACE = {"Sid": "Trace", "Effect": "Allow", "Action": ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "Resource": "*"}
INVOKE = {"Sid": "InvokeTheRunner", "Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "<RunnerFunction.Arn>"}
TWO, THREE = ("subnet-aaaaaaaa", "subnet-bbbbbbbb"), ("subnet-aaaaaaaa", "subnet-bbbbbbbb", "subnet-cccccccc")


@pytest.mark.parametrize("parameters, want", [
    (SECRETS, {
        "RunnerRole": [log_statement("runner"), secret_statement(SECRET), *network_statements("runner", *TWO)],
        "PlannerRole": [log_statement("planner"), secret_statement(SECRET), *network_statements("planner", *TWO)],
        "WorkflowRole": [INVOKE],
    }),
    (IAM, {
        "RunnerRole": [log_statement("runner"), login_statement("migrator"), *network_statements("runner", *TWO)],
        "PlannerRole": [log_statement("planner"), login_statement("planner"), *network_statements("planner", *TWO)],
        "WorkflowRole": [INVOKE],
    }),
    (MOST, {
        "RunnerRole": [log_statement("runner"), secret_statement(SECRET), key_statement(SECRET), TRACE, *network_statements("runner", *THREE)],
        "PlannerRole": [log_statement("planner"), secret_statement(ANOTHER), key_statement(ANOTHER), TRACE,
                        *network_statements("planner", *THREE)],
        "WorkflowRole": [INVOKE, {**TRACE, "Action": [*TRACE["Action"], "xray:GetSamplingRules", "xray:GetSamplingTargets"]}],
        "CheckRole": [{"Sid": "InvokeTheFunctions", "Effect": "Allow", "Action": "lambda:InvokeFunction",
                       "Resource": ["<RunnerFunction.Arn>", "<PlannerFunction.Arn>"]}],
    }),
], ids=ALL)
def test_each_role_may_do_exactly_this(parameters, want):
    got = {}
    for name, role in properties(made(parameters), "AWS::IAM::Role").items():
        assert "ManagedPolicyArns" not in role, name
        (policy,) = role["Policies"]
        assert policy["PolicyDocument"]["Version"] == "2012-10-17"
        got[name] = policy["PolicyDocument"]["Statement"]
    assert got == want


@pytest.mark.parametrize("parameters", ALL.values(), ids=ALL)
def test_what_is_granted_on_everything(parameters):
    """One statement of a function's role, which reads; X-Ray's where it traces. No action is a wildcard anywhere."""
    for name, role in properties(made(parameters), "AWS::IAM::Role").items():
        statements = role["Policies"][0]["PolicyDocument"]["Statement"]
        assert not [a for s in statements for a in listed(s["Action"]) if "*" in a], name
        wide = [s["Sid"] for s in statements if s["Effect"] == "Allow" and "*" in listed(s["Resource"])]
        of_functions = ["SeeNetwork"] if name in ("RunnerRole", "PlannerRole") else []
        traced = ["Trace"] if parameters.get("Tracing") == "true" and name != "CheckRole" else []
        assert sorted(wide) == sorted(of_functions + traced), name
        assert not [k for s in statements for k in s if k in ("NotAction", "NotResource", "Principal")], name


def listed(value):
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("parameters", ALL.values(), ids=ALL)
def test_only_its_service_takes_on_a_role(parameters):
    want = {"RunnerRole": "lambda", "PlannerRole": "lambda", "WorkflowRole": "states", "CheckRole": "scheduler"}
    for name, role in properties(made(parameters), "AWS::IAM::Role").items():
        (s,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert (s["Effect"], s["Action"], s["Principal"]) == ("Allow", "sts:AssumeRole", {"Service": want[name] + ".amazonaws.com"})
        assert role.get("PermissionsBoundary") == parameters.get("PermissionsBoundaryArn")


def test_nobody_is_let_in():
    """No resource policy of a function, no URL, no gateway, no custom resource, no managed policy, nothing that publishes."""
    kinds = {r["Type"] for p in ALL.values() for r in made(p).values()}
    assert kinds == {
        "AWS::Lambda::Function", "AWS::Lambda::EventInvokeConfig", "AWS::Logs::LogGroup", "AWS::IAM::Role", "AWS::EC2::SecurityGroup",
        "AWS::EC2::SecurityGroupIngress", "AWS::EC2::VPCEndpoint", "AWS::StepFunctions::StateMachine", "AWS::Scheduler::Schedule",
        "AWS::CloudWatch::Alarm",
    }


# ---- network ----

@pytest.mark.parametrize("parameters, secrets", [(SECRETS, "sg-eeeeeeee"), (IAM, None), (MOST, "<SecretsEndpointSecurityGroup.GroupId>")],
                         ids=ALL)
def test_the_ways_out_and_in(parameters, secrets):
    resources = made(parameters)
    way = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432}
    groups = properties(resources, "AWS::EC2::SecurityGroup")
    out = [{**way, "Description": "To the database", "DestinationSecurityGroupId": "sg-dddddddd"}]
    if secrets:
        out.append({**way, "Description": "To Secrets Manager", "FromPort": 443, "ToPort": 443, "DestinationSecurityGroupId": secrets})
    assert groups["SecurityGroup"]["SecurityGroupEgress"] == out
    for group in groups.values():
        assert "SecurityGroupIngress" not in group and group["VpcId"] == "vpc-11111111"
    ingress = properties(resources, "AWS::EC2::SecurityGroupIngress")
    ours = {"SourceSecurityGroupId": "<SecurityGroup.GroupId>"}
    want = {"DatabaseIngress": {**way, **ours, "GroupId": "sg-dddddddd", "Description": "From the functions of migrations-test"}}
    if parameters is MOST:
        want["SecretsEndpointIngress"] = {**way, **ours, "FromPort": 443, "ToPort": 443, "Description": "From the functions", "GroupId": secrets}
        (nowhere,) = groups["SecretsEndpointSecurityGroup"]["SecurityGroupEgress"]
        assert nowhere["CidrIp"] == "255.255.255.255/32" and nowhere["IpProtocol"] == "icmp"
    assert ingress == want


def test_the_endpoint_is_for_these_secrets_and_these_roles():
    endpoint = made(MOST)["SecretsEndpoint"]["Properties"]
    assert endpoint == {
        "VpcEndpointType": "Interface", "ServiceName": "com.amazonaws.eu-central-1.secretsmanager", "VpcId": "vpc-11111111",
        "SubnetIds": list(THREE), "SecurityGroupIds": ["<SecretsEndpointSecurityGroup.GroupId>"], "PrivateDnsEnabled": False,
        "PolicyDocument": {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": ["<RunnerRole.Arn>", "<PlannerRole.Arn>"]},
             "Action": "secretsmanager:GetSecretValue", "Resource": [SECRET, ANOTHER]}]},
    }
    assert "SecretsEndpoint" not in made(SECRETS) and "SecretsEndpoint" not in made(IAM)


# ---- the functions ----

@pytest.mark.parametrize("parameters", ALL.values(), ids=ALL)
@pytest.mark.parametrize("which", ["Runner", "Planner"])
def test_the_functions(parameters, which):
    resources = made(parameters)
    function = resources[which + "Function"]["Properties"]
    subnets = list(THREE if "ThirdSubnetId" in parameters else TWO)
    assert function["FunctionName"] == f"aurora-migrations-{which.lower()}-dev"
    assert function["Role"] == f"<{which}Role.Arn>"
    assert (function["Runtime"], function["Handler"], function["Architectures"]) == ("provided.al2023", "bootstrap", ["arm64"])
    assert function["Timeout"] == 900
    assert function["VpcConfig"] == {"SubnetIds": subnets, "SecurityGroupIds": ["<SecurityGroup.GroupId>"]}
    assert function["LoggingConfig"] == {"LogFormat": "JSON", "LogGroup": f"<{which}LogGroup>", "ApplicationLogLevel": "INFO",
                                         "SystemLogLevel": "INFO"}
    assert function["TracingConfig"] == {"Mode": "Active" if parameters is MOST else "PassThrough"}
    assert "ReservedConcurrentExecutions" not in function
    assert listed(resources[which + "Function"]["DependsOn"]) == ["DatabaseIngress"]
    assert {"Key": "Environment", "Value": "dev"} in function["Tags"]
    (retry,) = [e for e in properties(resources, "AWS::Lambda::EventInvokeConfig").values() if e["FunctionName"] == f"<{which}Function>"]
    assert retry == {"FunctionName": f"<{which}Function>", "Qualifier": "$LATEST", "MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 900,
                     "DestinationConfig": {}}


@pytest.mark.parametrize("parameters", ALL.values(), ids=ALL)
def test_the_logs(parameters):
    groups = properties(made(parameters), "AWS::Logs::LogGroup")
    assert {g["LogGroupName"] for g in groups.values()} == {"/aws/lambda/aurora-migrations-runner-dev", "/aws/lambda/aurora-migrations-planner-dev"}
    for g in groups.values():
        assert g["RetentionInDays"] == parameters.get("LogRetentionDays", 365)
        assert g.get("KmsKeyId") == parameters.get("LogKmsKeyArn")


COMMON = {
    "DB_HOST": "app.cluster-abc.eu-central-1.rds.amazonaws.com", "DB_PORT": 5432, "DB_NAME": "app", "MIGRATE_LOCK_TIMEOUT": "2s",
    "MIGRATE_LOCK_BUDGET": "", "MIGRATE_STATEMENT_TIMEOUT": "", "MIGRATE_HISTORY_SCHEMA": "", "MIGRATE_SHOW_DETAIL": "false",
    "MIGRATE_APPROVAL": "digest", "MIGRATE_APPROVAL_KEYS": "", "MIGRATE_APPROVALS_NEEDED": "", "MIGRATE_NEVER_ACCEPT": "",
}


@pytest.mark.parametrize("parameters, runner, planner", [
    (SECRETS, {"DB_AUTH": "secret", "DB_SECRET_ARN": SECRET, "DB_USER": "", "MIGRATE_CLUSTER_ID": "", "MIGRATE_ROLE": ""}, {}),
    (IAM, {"DB_AUTH": "iam", "DB_USER": "migrator", "MIGRATE_CLUSTER_ID": "cluster-7XKQ2ZB4LM", "MIGRATE_ROLE": "app_owner"}, {"DB_USER": "planner"}),
    (MOST, {"DB_AUTH": "secret", "DB_SECRET_ARN": SECRET, "DB_USER": "", "MIGRATE_CLUSTER_ID": "", "MIGRATE_ROLE": "app_owner",
            "MIGRATE_APPROVAL": "signature", "MIGRATE_APPROVAL_KEYS": KEYS, "MIGRATE_APPROVALS_NEEDED": "2", "MIGRATE_NEVER_ACCEPT": "DS101,DS102",
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": "https://<SecretsEndpoint.DnsEntries>[0]"}, {"DB_SECRET_ARN": ANOTHER}),
], ids=ALL)
def test_the_environment(parameters, runner, planner):
    """Two functions differ in who they are and in nothing that a digest covers."""
    resources = made(parameters)
    want = {"RunnerFunction": {**COMMON, **runner}, "PlannerFunction": {**COMMON, **runner, **planner, "MIGRATE_READ_ONLY": "true"}}
    assert {n: resources[n]["Properties"]["Environment"]["Variables"] for n in want} == want


# ---- alarms and schedules ----

def test_the_alarms():
    alarms = properties(made(MOST), "AWS::CloudWatch::Alarm")
    assert set(alarms) == {"FailedApplyAlarm", "UnfinishedApplyAlarm", "NearTimeoutAlarm", "UnhealthyAlarm", "FunctionErrorAlarm", "WorkflowAlarm"}
    for name, a in alarms.items():
        assert a["AlarmActions"] == [TOPIC] and a["TreatMissingData"] == "notBreaching", name
        assert a["Threshold"] == (840000 if name == "NearTimeoutAlarm" else 1), name
    assert not [a for a in properties(made(SECRETS), "AWS::CloudWatch::Alarm").values() if "AlarmActions" in a]
    failed = {d["Name"]: d["Value"] for d in alarms["FailedApplyAlarm"]["Dimensions"]}
    assert failed == {"Function": "<RunnerFunction>", "Action": "apply", "Outcome": "failed"}


def test_the_metrics_are_those_that_the_functions_write():
    """The names stand twice, here and in function/metrics.go."""
    source = (template.ROOT / "function/metrics.go").read_text()
    for name in ("AuroraMigrate", "Answers", "Function", "Action", "Outcome"):
        assert f'"{name}"' in source, name


def test_the_schedules_repeat_nothing():
    schedules = properties(made(MOST), "AWS::Scheduler::Schedule")
    assert {s["Target"]["Arn"] for s in schedules.values()} == {"<RunnerFunction.Arn>", "<PlannerFunction.Arn>"}
    for s in schedules.values():
        assert s["Target"]["RetryPolicy"] == {"MaximumRetryAttempts": 0} and json.loads(s["Target"]["Input"]) == {"action": "doctor"}
    assert not properties(made(SECRETS), "AWS::Scheduler::Schedule")


# ---- parameters ----

@pytest.mark.parametrize("parameters", ALL.values(), ids=ALL)
def test_good_parameters_are_taken(parameters):
    assert evaluation(parameters).broken() == []


@pytest.mark.parametrize("parameters, said", [
    ({**SECRETS, "RunnerSecretArn": ""}, "DatabaseAuth secret needs RunnerSecretArn."),
    ({**SECRETS, "SecretsEndpointSecurityGroupId": ""}, "DatabaseAuth secret needs a way to Secrets Manager"),
    ({**SECRETS, "CreateSecretsEndpoint": "true"}, "DatabaseAuth secret needs a way to Secrets Manager"),
    ({**IAM, "ClusterResourceId": ""}, "DatabaseAuth iam needs ClusterResourceId"),
    ({**IAM, "PlannerUser": ""}, "DatabaseAuth iam needs RunnerUser and PlannerUser"),
    ({**IAM, "RunnerUser": ""}, "DatabaseAuth iam needs RunnerUser and PlannerUser"),
    ({**IAM, "RunnerSecretArn": SECRET}, "DatabaseAuth iam reads no secret"),
    ({**IAM, "CreateSecretsEndpoint": "true"}, "DatabaseAuth iam needs no endpoint"),
    ({**IAM, "DatabaseRole": ""}, "Where planner and runner log in as two users"),
    ({**SECRETS, "PlannerSecretArn": ANOTHER}, "Where planner and runner log in as two users"),
    ({**SECRETS, "SecondSubnetId": "subnet-aaaaaaaa"}, "FirstSubnetId and SecondSubnetId must be two"),
    ({**SECRETS, "VpcId of subnet-bbbbbbbb": "vpc-22222222"}, "FirstSubnetId and SecondSubnetId must be in VpcId"),
    ({**SECRETS, "EnvironmentName": "Dev"}, "EnvironmentName: small letters"),
    ({**SECRETS, "DatabaseHost": "app.cluster-ro-abc.eu-central-1.rds.amazonaws.com"}, "DatabaseHost: a host name"),
    ({**SECRETS, "DatabaseHost": "app.proxy-abc.eu-central-1.rds.amazonaws.com"}, "DatabaseHost: a host name"),
    ({**SECRETS, "DatabaseHost": "app.example.com:5432"}, "DatabaseHost: a host name"),
    ({**SECRETS, "RunnerSecretArn": SECRET.removesuffix("-AbCdEf")}, "RunnerSecretArn: a whole ARN"),
    ({**SECRETS, "RunnerSecretArn": SECRET.rsplit(":", 1)[1]}, "RunnerSecretArn: a whole ARN"),
    ({**MOST, "SecretsKmsKeyArn": "alias/secrets"}, "SecretsKmsKeyArn: ARN of a key"),
    ({**IAM, "ClusterResourceId": "app"}, "ClusterResourceId: cluster- and capital letters"),
    ({**SECRETS, "LockTimeout": "2"}, "LockTimeout: a duration"),
    ({**SECRETS, "DatabaseAuth": "password"}, "DatabaseAuth: ['secret', 'iam']"),
    ({**SECRETS, "RootCertificates": "certificates.pem"}, "RootCertificates: PEM"),
    ({**SECRETS, "Approval": "signature"}, "Approval signature needs ApprovalKeys"),
    ({**SECRETS, "ApprovalKeys": KEYS}, "Approval digest asks for no signature"),
    ({**SECRETS, "ApprovalsNeeded": "2"}, "Approval digest asks for no signature"),
    ({**SECRETS, "Approval": "none"}, "Approval: ['digest', 'signature']"),
    ({**MOST, "ApprovalKeys": "-----BEGIN PUBLIC KEY-----"}, "ApprovalKeys: base64 of public keys"),
    ({**MOST, "ApprovalsNeeded": "0"}, "ApprovalsNeeded: a number"),
    ({**SECRETS, "NeverAccept": "drops"}, "NeverAccept: codes such as DS102"),
    ({**SECRETS, "CheckSchedule": "daily"}, "CheckSchedule: rate(1 day)"),
])
def test_bad_parameters_are_refused(parameters, said):
    broken = evaluation(parameters).broken()
    assert len(broken) == 1 and broken[0].startswith(said), broken


def test_every_parameter_is_explained():
    t = template.read()
    grouped = [p for g in t["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"] for p in g["Parameters"]]
    assert sorted(grouped) == sorted(t["Parameters"])
    assert not [n for n, p in t["Parameters"].items() if len(p["Description"]) < 10]
    for n, p in t["Parameters"].items():
        assert "AllowedPattern" not in p or "ConstraintDescription" in p, n


def test_samconfig_sets_parameters_that_there_are():
    config = tomllib.loads((template.ROOT / "samconfig.toml").read_text())
    names = set(template.read()["Parameters"])
    for environment in ("dev", "prod"):
        for line in config[environment]["deploy"]["parameters"]["parameter_overrides"]:
            assert line.split("=", 1)[0] in names, line


def test_the_outputs_are_commands():
    said = evaluation(SECRETS).outputs()
    event = '{"action":"apply","plan":"DIGEST"}'
    assert said["Apply"] == f"sam remote invoke RunnerFunction --stack-name migrations-test --region eu-central-1 --event '{event}'"
    assert said["ApplyPowerShell"] == f"'{event}' | sam remote invoke RunnerFunction --stack-name migrations-test --region eu-central-1 --event-file -"


def test_every_event_file_is_an_event():
    for file in (template.ROOT / "events").glob("*.json"):
        assert json.loads(file.read_text())["action"] in ("status", "plan", "apply", "verify", "doctor", "baseline"), file
