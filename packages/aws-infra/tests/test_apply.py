"""The infrastructure applied to an AWS API on this machine, looked at from outside, used, and destroyed. It takes minutes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from types import SimpleNamespace
from urllib.request import urlopen

import boto3
import pytest

from stereo_spot_shared.pipeline import STAGES

from .conftest import PLAIN_BACKEND, PLAIN_PROVIDER, Workspace, running_moto

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("can_terraform"), pytest.mark.timeout(900)]

PAGES = {"web_domain": "films.example", "sign_in": "cognito", "users": ["a@films.example"]}
CHOICES = {
    "gpu-spot": {"alarm_emails": ["a@films.example"]},
    "sagemaker-and-pages": {"inference_backend": "sagemaker", **PAGES},
}
SERVICES = {"media-worker", "video-worker", "web-ui", "cli"}
"""What takes part in a conversion; each signs with its own name."""
DRIFT_OF_MOTO = {
    "aws_vpc_security_group_egress_rule.balancer[0]": "moto forgets the description of a rule between two groups",
    "aws_vpc_security_group_ingress_rule.web[0]": "moto forgets the description of a rule between two groups",
}
"""What a plan would change after an apply, for moto's own reasons."""


@pytest.fixture(scope="module", params=CHOICES)
def applied(request, tmp_path_factory):
    """Both packages, applied by the commands of the README, with what an operator may choose."""
    root = tmp_path_factory.mktemp("workspace")
    with running_moto() as account:
        workspace = Workspace(root, {**account, "TF_IN_AUTOMATION": "1", "TF_CLI_ARGS_init": PLAIN_BACKEND})
        for package in ("aws-infra", "aws-infra-setup"):
            (workspace.folder(package) / "override.tf").write_text(PLAIN_PROVIDER)
        ask = {"endpoint_url": account["AWS_ENDPOINT_URL"], "region_name": "us-east-1", "aws_access_key_id": "test"}
        choice = {"deletion_protection": False, **CHOICES[request.param]}
        if "web_domain" in choice:  # an operator has the zone already
            zone = boto3.client("route53", aws_secret_access_key="test", **ask).create_hosted_zone(
                Name="films.example", CallerReference="1"
            )
            choice["web_zone_id"] = zone["HostedZone"]["Id"].rpartition("/")[2]
        (workspace.folder("aws-infra") / "terraform.tfvars.json").write_text(json.dumps(choice))
        workspace.environment["TF_CLI_ARGS_init"] = ""
        workspace.terraform("aws-infra-setup", "apply", "-auto-approve", "-input=false")
        workspace.environment["TF_CLI_ARGS_init"] = PLAIN_BACKEND
        workspace.deploy("-auto-approve", "-input=false", "-parallelism=30")
        yield SimpleNamespace(
            workspace=workspace,
            account=account,
            client=lambda service: boto3.client(service, aws_secret_access_key="test", **ask),
            choice=request.param,
        )


def environment_file(applied):
    lines = (applied.workspace.root / ".stereo-spot" / "aws.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_the_environment_file_names_what_is_there(applied):
    environment = environment_file(applied)
    assert environment["STORAGE_ADAPTER"] == "aws"
    applied.client("s3").head_bucket(Bucket=environment["STEREO_SPOT_AWS_BUCKET"])
    for spec in STAGES.values():
        for dead in ("", "-dead"):
            applied.client("sqs").get_queue_url(QueueName=f"{environment['STEREO_SPOT_AWS_PREFIX']}-{spec.queue}{dead}")


def test_the_images_that_run_are_pushed_under_the_commit(applied):
    outputs = applied.workspace.json("aws-infra", "output", "-json")
    head = ["git", "rev-parse", "--short=12", "HEAD"]
    commit = subprocess.run(head, cwd=applied.workspace.root, capture_output=True, text=True, check=True).stdout.strip()
    assert applied.workspace.pushed == sorted(outputs["images"]["value"])
    assert outputs["image_tag"]["value"] == commit
    for name in ("media-worker", "video-worker"):
        task = applied.client("ecs").describe_task_definition(taskDefinition=f"stereo-spot-{name}")["taskDefinition"]
        assert task["containerDefinitions"][0]["image"].endswith(f":{commit}")


def test_queues_hide_and_give_up_as_the_stages_say(applied):
    sqs = applied.client("sqs")
    for spec in STAGES.values():
        url = sqs.get_queue_url(QueueName=f"stereo-spot-{spec.queue}")["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        redrive = json.loads(attributes["RedrivePolicy"])
        assert int(attributes["VisibilityTimeout"]) == spec.visibility_seconds
        assert int(redrive["maxReceiveCount"]) > spec.max_attempts
        assert redrive["deadLetterTargetArn"].endswith(f":stereo-spot-{spec.queue}-dead")


def test_it_is_what_the_adapters_would_make(applied):
    """Tables with their keys, indexes and time to live, queues and the bucket's rules, against those of aws-adapters."""
    from stereo_spot_aws_adapters.clients import Aws
    from stereo_spot_aws_adapters.provision import provision
    from stereo_spot_aws_adapters.settings import AwsSettings

    with pytest.MonkeyPatch.context() as patch, running_moto() as other:
        for name, value in other.items():
            patch.setenv(name, value)
        settings = AwsSettings(prefix="stereo-spot", bucket=environment_file(applied)["STEREO_SPOT_AWS_BUCKET"])
        provision(Aws(settings))  # clients of its own: those of `connect` keep the address of the server before
        ask = {"endpoint_url": other["AWS_ENDPOINT_URL"], "region_name": "us-east-1"}
        made = {
            service: boto3.client(service, aws_access_key_id="t", aws_secret_access_key="t", **ask) for service in ("dynamodb", "sqs", "s3")
        }
        ours, theirs = data_plane(applied.client), data_plane(made.__getitem__)
        for part, expected in theirs.items():
            assert ours[part] == expected, part


def data_plane(client):
    """Of an account: what the code relies on, in a form that can be compared."""
    dynamodb, sqs, s3 = client("dynamodb"), client("sqs"), client("s3")
    tables = {}
    for name in dynamodb.list_tables()["TableNames"]:
        table = dynamodb.describe_table(TableName=name)["Table"]
        indexes = [index for kind in ("Local", "Global") for index in table.get(f"{kind}SecondaryIndexes") or []]
        expires = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        tables[name] = {
            "keys": table["KeySchema"],
            "types": sorted((one["AttributeName"], one["AttributeType"]) for one in table["AttributeDefinitions"]),
            "indexes": sorted((one["IndexName"], str(one["KeySchema"]), str(sorted(one["Projection"].items()))) for one in indexes),
            "billing": table["BillingModeSummary"]["BillingMode"],
            "expires": expires.get("AttributeName"),
        }
    queues = {}
    for url in sqs.list_queues().get("QueueUrls", []):
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        names = ("VisibilityTimeout", "MessageRetentionPeriod", "SqsManagedSseEnabled")
        redrive = json.loads(attributes.get("RedrivePolicy", "{}"))
        most = redrive.get("maxReceiveCount")
        is_dead = url.endswith("-dead")
        queues[url.rpartition("/")[2]] = (int(most) if most else None, *(attributes.get(name) for name in names[is_dead:]))
    (bucket,) = (one["Name"] for one in s3.list_buckets()["Buckets"] if "-state-" not in one["Name"])
    rules = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    days = {
        rule["ID"]: (rule.get("AbortIncompleteMultipartUpload"), rule.get("Expiration")) for rule in rules if rule["Status"] == "Enabled"
    }
    return {
        "tables": tables,
        "queues": queues,
        "rules": days,
        "events": [
            (one["Events"], one["Filter"]) for one in s3.get_bucket_notification_configuration(Bucket=bucket)["QueueConfigurations"]
        ],
        "closed": s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"],
    }


def test_nothing_runs_while_there_is_no_work(applied):
    ecs, scaling = applied.client("ecs"), applied.client("application-autoscaling")
    services = ecs.describe_services(cluster="stereo-spot", services=ecs.list_services(cluster="stereo-spot")["serviceArns"])["services"]
    wanted = {one["serviceName"]: one["desiredCount"] for one in services if one["serviceName"] != "web-ui"}
    assert wanted == {"media-worker": 0, "video-worker": 0, "intake": 0}
    targets = [*scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]]
    targets += scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert [one["ResourceId"] for one in targets if one["MinCapacity"] != 0] == []
    groups = applied.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    assert [one["DesiredCapacity"] for one in groups] == ([0] if applied.choice == "gpu-spot" else [])


def test_no_role_may_do_anything_to_everything(applied):
    """ECR's and ECS's two actions that know no resources are all that is allowed to have none."""
    iam = applied.client("iam")
    roles = [role["RoleName"] for role in iam.list_roles()["Roles"] if role["RoleName"].startswith("stereo-spot")]
    assert len(roles) >= 9
    for role in roles:
        assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
        for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            for statement in iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]["Statement"]:
                actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
                assert not [action for action in actions if "*" in action], (role, actions)
                if statement["Resource"] == "*":
                    assert set(actions) <= {"ecr:GetAuthorizationToken", "ecs:DiscoverPollEndpoint"}, (role, actions)


def test_secrets_are_written_and_not_in_the_state(applied):
    if applied.choice == "gpu-spot":
        return
    secret = applied.client("secretsmanager").get_secret_value(SecretId="stereo-spot/web-token")["SecretString"]
    state = applied.workspace.json("aws-infra", "show", "-json")
    assert len(secret) >= 40
    assert secret not in json.dumps(state)


def test_the_state_is_encrypted_with_a_key_of_kms_and_locked_while_it_is_changed(applied):
    workspace = applied.workspace
    state = workspace.json("aws-infra-setup", "output", "-json")["bucket"]["value"]
    s3 = applied.client("s3")
    assert s3.get_bucket_versioning(Bucket=state)["Status"] == "Enabled"
    assert s3.head_object(Bucket=state, Key="aws-infra.tfstate")["ServerSideEncryption"] == "aws:kms"
    s3.put_object(Bucket=state, Key="aws-infra.tfstate.tflock", Body=b'{"ID":"1","Operation":"x","Who":"somebody else"}')
    try:
        refused = workspace.terraform("aws-infra", "plan", "-input=false", check=False)
        assert refused.returncode != 0
        assert "somebody else" in refused.stderr + refused.stdout
    finally:
        s3.delete_object(Bucket=state, Key="aws-infra.tfstate.tflock")


def planned(applied, *words):
    """What a plan would change: for each address how, and from what into what."""
    workspace = applied.workspace
    workspace.terraform("aws-infra", "plan", "-input=false", f"-out={workspace.root}/plan", *words)
    changes = workspace.json("aws-infra", "show", "-json", f"{workspace.root}/plan").get("resource_changes", [])
    return {one["address"]: one["change"] for one in changes if one["change"]["actions"] not in (["no-op"], ["read"])}


def test_a_plan_after_it_changes_nothing(applied):
    assert {address: change for address, change in planned(applied).items() if address not in DRIFT_OF_MOTO} == {}


def test_an_endpoint_gets_another_configuration_before_the_old_one_goes(applied):
    """Neither can be changed, and no two have one name; the endpoint itself stays."""
    if applied.choice != "sagemaker-and-pages":
        return
    changed = planned(applied, "-var=sagemaker_instance_type=ml.g4dn.2xlarge")
    assert changed["aws_sagemaker_endpoint_configuration.this[0]"]["actions"] == ["create", "delete"]
    assert "name" not in changed["aws_sagemaker_endpoint_configuration.this[0]"]["after"]  # it is drawn
    assert changed["aws_sagemaker_endpoint.this[0]"]["actions"] == ["update"]
    assert "aws_sagemaker_model.this[0]" not in changed


FILM = """
import sys, time
from fractions import Fraction
from pathlib import Path
from stereo_spot_media.demo_clip import Clip, write_clip
from stereo_spot_media.scene import Scene
from stereo_spot_runtime.operations import submit
from stereo_spot_runtime.platform import open_platform
from stereo_spot_shared.rendering import DepthProfile, Quality, RenderParams
clip = write_clip(Path(sys.argv[1]) / "film.mp4", Clip(scene=Scene(width=160, height=96, rate=Fraction(24)), frames=48, options={"g": "6"}))
platform = open_platform()
params = RenderParams(segment_seconds=0.5, quality=Quality.DRAFT, depth="basic", depth_profile=DepthProfile.QUALITY)
job = submit(platform, clip, params)
give_up = time.monotonic() + 300
while not (now := platform.jobs.get(job.job_id)).status.is_final or (now.error is None and not now.swept):
    assert time.monotonic() < give_up, now
    time.sleep(0.5)
print(now.status.value, now.result.frames if now.result else now.error)
"""
"""What the pages would do: hand in a film, and look after it until it is over."""


def test_a_film_is_converted_on_it_with_the_rights_of_the_roles(applied, tmp_path):
    """The whole pipeline, as real processes, on what the environment file names.

    Each signs with a name of its own, so that what it asks for can be compared with what its role allows.
    """
    common = {
        **os.environ,
        **applied.account,
        **environment_file(applied),
        "STEREO_SPOT_SCRATCH_DIR": str(tmp_path),
        "STEREO_SPOT_RENDER_THREADS": "1",
    }
    commands = {
        "media-worker": ["-m", "media_worker.main"],
        "video-worker": ["-m", "video_worker.main"],
        "web-ui": ["-c", FILM, str(tmp_path)],
    }
    with ExitStack() as stack:
        logs = {name: stack.enter_context((tmp_path / f"{name}.log").open("w")) for name in commands}
        processes = {
            name: subprocess.Popen(
                [sys.executable, *command],
                env={**common, "AWS_ACCESS_KEY_ID": name},
                stdout=logs[name],
                stderr=subprocess.STDOUT,
            )
            for name, command in commands.items()
        }
        try:
            processes["web-ui"].wait(timeout=400)
        finally:
            for process in processes.values():
                process.terminate()
            for process in processes.values():
                process.wait()
    said = {name: (tmp_path / f"{name}.log").read_text()[-3000:] for name in commands}
    assert said["web-ui"].splitlines()[-1] == "completed 48", said
    environment = {**common, "AWS_ACCESS_KEY_ID": "cli"}
    subprocess.run([sys.executable, "-m", "stereo_spot_cli.main", "reconcile"], env=environment, check=True, capture_output=True)
    asked = set(asked_for(applied))
    assert {who for who, _ in asked} == SERVICES
    assert {(who, action) for who, action in asked if action not in allowed(applied, who)} == set()


def asked_for(applied):
    """Who asked for what, as actions of IAM."""
    with urlopen(f"{applied.account['AWS_ENDPOINT_URL']}/stereo-spot/calls") as answer:
        calls = json.load(answer)
    for who, *service, what in calls:
        if who in SERVICES and service:
            yield from ((who, action) for action in iam_actions(service[0], what))


def iam_actions(service, what):
    """The actions that a request needs."""
    if service == "s3":
        method, _, path = what.partition(" ")
        address, _, query = path.partition("?")
        if address.strip("/").count("/") == 0:
            return ["s3:ListBucket"]
        if method == "DELETE" and "uploadId" in query:
            return ["s3:AbortMultipartUpload"]
        return [{"GET": "s3:GetObject", "HEAD": "s3:GetObject", "DELETE": "s3:DeleteObject"}.get(method, "s3:PutObject")]
    return [f"{service}:{what.removesuffix('Batch') if service == 'sqs' else what}"]


def allowed(applied, service):
    """The actions of a service's role, as AWS was told."""
    policy = applied.client("iam").get_role_policy(RoleName=f"stereo-spot-{service}", PolicyName="data-plane")["PolicyDocument"]
    actions = [statement["Action"] for statement in policy["Statement"]]
    return {action for one in actions for action in ([one] if isinstance(one, str) else one)}


def test_destroying_it_leaves_nothing(applied):
    """The last test of each choice: afterwards there is only the bucket of the state."""
    applied.workspace.terraform("aws-infra", "destroy", "-auto-approve", "-input=false", "-parallelism=30")
    assert applied.client("dynamodb").list_tables()["TableNames"] == []
    assert applied.client("sqs").list_queues().get("QueueUrls", []) == []
    assert [one["Name"] for one in applied.client("s3").list_buckets()["Buckets"] if "-state-" not in one["Name"]] == []
    assert [one["RoleName"] for one in applied.client("iam").list_roles()["Roles"] if one["RoleName"].startswith("stereo-spot")] == []
    assert applied.client("logs").describe_log_groups()["logGroups"] == []
    assert applied.client("ecr").describe_repositories()["repositories"] == []
    assert [one for one in applied.client("ecs").describe_clusters(clusters=["stereo-spot"])["clusters"] if one["status"] == "ACTIVE"] == []
    assert [one for one in applied.client("ec2").describe_vpcs()["Vpcs"] if not one["IsDefault"]] == []
    assert applied.client("cloudwatch").describe_alarms()["MetricAlarms"] == []
    assert applied.client("sns").list_topics()["Topics"] == []
    assert applied.client("elbv2").describe_load_balancers()["LoadBalancers"] == []
    assert applied.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"] == []
    assert applied.client("cognito-idp").list_user_pools(MaxResults=10)["UserPools"] == []
    assert applied.client("secretsmanager").list_secrets(IncludePlannedDeletion=True)["SecretList"] == []
