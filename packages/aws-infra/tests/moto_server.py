"""An AWS API on this machine: moto in server mode, with what Terraform's provider asks for and stock moto does not answer.

`python moto_server.py` prints the address for AWS_ENDPOINT_URL, and serves until its standard input ends. What is added here is what was
found missing when the infrastructure was applied, each with its reason; moto's own stores are used wherever there are any.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from functools import wraps

os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
os.environ["MOTO_ACM_VALIDATION_WAIT"] = "1"

from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto.budgets.responses import BudgetsResponse
from moto.ec2.models.launch_templates import LaunchTemplateVersion
from moto.ecs.models import Service
from moto.ecs.responses import EC2ContainerServiceResponse
from moto.iam.access_control import PermissionResult
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import FakeBucket
from moto.sagemaker.models import FakeEndpointConfig, Model
from moto.sqs.models import Queue
from werkzeug.serving import make_server


def remembering_tags(make):
    """Scaling targets and budgets are made with tags, which moto drops."""

    @wraps(make)
    def made(self):
        answer = make(self)
        if (target := json.loads(answer).get("ScalableTargetARN")) and (tags := self._get_param("Tags")):
            TAGS[target] = tags
        if budget := self._get_param("Budget"):
            TAGS[f"budget/{budget['BudgetName']}"] = self._get_param("ResourceTags")
        return answer

    return made


def tags_of_target(self):
    """The provider asks for the tags of what it made."""
    return json.dumps({"Tags": TAGS.get(self._get_param("ResourceARN"), {})})


def tags_of_budget(self):
    """The same, of a budget."""
    return json.dumps({"ResourceTags": TAGS.get(self._get_param("ResourceARN").rpartition(":")[2], [])})


TAGS = {}


def describe_subscribers_for_notification(self):
    """moto keeps who is told with each notification, and has no way to ask for it."""
    budget = self.backend.budgets[self._get_param("AccountId")][self._get_param("BudgetName")]
    wanted = self._get_param("Notification")["NotificationType"]
    found = [one.subscribers for one in budget.notifications if one.details["NotificationType"] == wanted]
    return json.dumps({"Subscribers": found[0] if found else []})


def without_empty(part):
    """moto answers an empty part where there is none: the provider dies of it, or takes it for a change."""

    def decorate(initialise):
        @wraps(initialise)
        def initialised(self, *args, **options):
            initialise(self, *args, **options)
            setattr(self, part, getattr(self, part) or None)

        return initialised

    return decorate


def with_what_was_asked(create):
    """moto drops the capacity provider strategy and the deployment's settings of a service."""

    @wraps(create)
    def created(self):
        answer = create(self)
        service = self.ecs_backend.describe_services(self._get_param("cluster", "default"), [self._get_param("serviceName")])[0][0]
        service.capacity_provider_strategy = self._get_param("capacityProviderStrategy") or []
        service.deployment_configuration = self._get_param("deploymentConfiguration")
        service.availability_zone_rebalancing = self._get_param("availabilityZoneRebalancing") or "DISABLED"
        service.health_check_grace_period_seconds = self._get_param("healthCheckGracePeriodSeconds")
        return answer

    return created


def without_tags_of_its_own(initialise):
    """moto counts the tags of a launch template among those that its machines are to have."""

    @wraps(initialise)
    def initialised(self, template, number, data, *rest, **options):
        if "TagSpecifications" in data:
            data["TagSpecifications"] = [one for one in data["TagSpecifications"] if one["ResourceType"] != "launch-template"]
        initialise(self, template, number, data, *rest, **options)

    return initialised


def with_a_compact_policy(attributes):
    """moto writes a redrive policy with blanks that nobody sent; the provider takes them for a change."""

    def compact(self):
        answer = attributes.__get__(self)
        if answer.get("RedrivePolicy"):
            answer["RedrivePolicy"] = json.dumps(json.loads(answer["RedrivePolicy"]), separators=(",", ":"), sort_keys=True)
        return answer

    return property(compact)


def unless_it_asks_for_tls(permission):
    """This server has no TLS, and moto knows no conditions: a bucket that wants encrypted connections would refuse everybody here."""

    @wraps(permission)
    def permitted(self, action, resource):
        wants_tls = self.policy is not None and b"aws:SecureTransport" in self.policy
        return PermissionResult.NEUTRAL if wants_tls else permission(self, action, resource)

    return permitted


FakeBucket.get_permission = unless_it_asks_for_tls(FakeBucket.get_permission)
LaunchTemplateVersion.__init__ = without_tags_of_its_own(LaunchTemplateVersion.__init__)
Queue.attributes = with_a_compact_policy(Queue.attributes)
ApplicationAutoScalingResponse.list_tags_for_resource = tags_of_target
ApplicationAutoScalingResponse.register_scalable_target = remembering_tags(ApplicationAutoScalingResponse.register_scalable_target)
BudgetsResponse.list_tags_for_resource = tags_of_budget
BudgetsResponse.create_budget = remembering_tags(BudgetsResponse.create_budget)
BudgetsResponse.describe_subscribers_for_notification = describe_subscribers_for_notification
Service.__init__ = without_empty("network_configuration")(Service.__init__)
Model.__init__ = without_empty("vpc_config")(Model.__init__)
FakeEndpointConfig.__init__ = without_empty("data_capture_config")(FakeEndpointConfig.__init__)
EC2ContainerServiceResponse.create_service = with_what_was_asked(EC2ContainerServiceResponse.create_service)


class Calls:
    """Notes who asked for what: the access key id, and the operation as DynamoDB, SQS and S3 are told of it."""

    def __init__(self, app):
        self._app = app
        self._seen = set()

    def __call__(self, environ, start_response):
        if environ["PATH_INFO"] == "/stereo-spot/calls":
            start_response("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(sorted(self._seen)).encode()]
        who = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].partition("/")[0]
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        what = target.rpartition(".")[2] if target else f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}?{environ['QUERY_STRING']}"
        service = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].split("/")[3:4]
        self._seen.add((who, *service, what))
        return self._app(environ, start_response)


def main() -> None:
    """Serve until standard input ends."""
    app = Calls(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
