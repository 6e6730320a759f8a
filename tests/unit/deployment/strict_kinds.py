"""Schemas for what the Kubernetes schemas do not know: a misspelt key must not pass. Only what we use is allowed."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Strict(BaseModel):
    """Unknown keys are refused, and nothing is converted."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Metadata(Strict):
    name: str
    namespace: str | None = None
    labels: dict[str, str] = Field(default_factory=dict)


class Resource(Strict):
    apiVersion: str  # noqa: N815  (Kubernetes' spelling, here and below)
    kind: str
    metadata: Metadata


class ScalePolicy(Strict):
    type: Literal["Pods", "Percent"]
    value: int
    periodSeconds: int  # noqa: N815


class ScaleRules(Strict):
    stabilizationWindowSeconds: int  # noqa: N815
    policies: list[ScalePolicy]


class ScaleBehavior(Strict):
    scaleUp: ScaleRules | None = None  # noqa: N815
    scaleDown: ScaleRules  # noqa: N815


class HorizontalConfig(Strict):
    behavior: ScaleBehavior


class Advanced(Strict):
    horizontalPodAutoscalerConfig: HorizontalConfig  # noqa: N815


class TargetRef(Strict):
    name: str


class Fallback(Strict):
    failureThreshold: int  # noqa: N815
    replicas: int
    behavior: Literal["currentReplicasIfHigher"]


class PrometheusTrigger(Strict):
    serverAddress: str  # noqa: N815
    query: str
    threshold: str
    ignoreNullValues: Literal["false"]  # noqa: N815


class Trigger(Strict):
    type: Literal["prometheus"]
    metricType: Literal["AverageValue"]  # noqa: N815
    metadata: PrometheusTrigger


class ScaledObjectSpec(Strict):
    scaleTargetRef: TargetRef  # noqa: N815
    minReplicaCount: int = Field(ge=1)  # noqa: N815
    maxReplicaCount: int  # noqa: N815
    pollingInterval: int  # noqa: N815
    fallback: Fallback
    advanced: Advanced
    triggers: list[Trigger] = Field(min_length=1, max_length=1)


class ScaledObject(Resource):
    spec: ScaledObjectSpec


class ParentRef(Strict):
    name: str
    namespace: str


class PathMatch(Strict):
    type: Literal["Exact", "PathPrefix"]
    value: str


class Match(Strict):
    path: PathMatch


class BackendRef(Strict):
    name: str
    port: int


class Timeouts(Strict):
    request: str
    backendRequest: str  # noqa: N815


class RouteRule(Strict):
    matches: list[Match]
    backendRefs: list[BackendRef] = Field(min_length=1)  # noqa: N815
    timeouts: Timeouts | None = None


class RouteSpec(Strict):
    parentRefs: list[ParentRef]  # noqa: N815
    hostnames: list[str]
    rules: list[RouteRule]


class HTTPRoute(Resource):
    spec: RouteSpec


class SecretKey(Strict):
    name: str
    key: str


class Authorization(Strict):
    type: Literal["Bearer"]
    credentials: SecretKey


class MetricsEndpoint(Strict):
    port: str
    path: str
    interval: str
    authorization: Authorization


class PodMonitorSpec(Strict):
    selector: dict[str, Any]
    podMetricsEndpoints: list[MetricsEndpoint]  # noqa: N815


class PodMonitor(Resource):
    spec: PodMonitorSpec


class Labels(Strict):
    pairs: dict[str, str]
    includeSelectors: Literal[False]  # noqa: N815  (selectors of what runs cannot be changed)
    includeTemplates: bool  # noqa: N815


class GeneratorOptions(Strict):
    labels: dict[str, str]


class ConfigMapGenerator(Strict):
    name: str
    behavior: Literal["merge"] | None = None
    literals: list[str] = Field(default_factory=list)
    files: list[str] = Field(default_factory=list)
    options: GeneratorOptions | None = None


class ImageName(Strict):
    name: str
    newName: str  # noqa: N815
    newTag: str  # noqa: N815


class ReplicaCount(Strict):
    name: str
    count: int


class PatchTarget(Strict):
    kind: str


class Patch(Strict):
    target: PatchTarget
    patch: str


class Kustomization(Strict):
    apiVersion: Literal["kustomize.config.k8s.io/v1beta1", "kustomize.config.k8s.io/v1alpha1"]  # noqa: N815
    kind: Literal["Kustomization", "Component"]
    namespace: str | None = None
    labels: list[Labels] = Field(default_factory=list)
    resources: list[str]
    components: list[str] = Field(default_factory=list)
    configMapGenerator: list[ConfigMapGenerator] = Field(default_factory=list)  # noqa: N815
    images: list[ImageName] = Field(default_factory=list)
    replicas: list[ReplicaCount] = Field(default_factory=list)
    patches: list[Patch] = Field(default_factory=list)


CUSTOM: dict[tuple[str, str], type[Resource]] = {
    ("keda.sh/v1alpha1", "ScaledObject"): ScaledObject,
    ("gateway.networking.k8s.io/v1", "HTTPRoute"): HTTPRoute,
    ("monitoring.coreos.com/v1", "PodMonitor"): PodMonitor,
}
