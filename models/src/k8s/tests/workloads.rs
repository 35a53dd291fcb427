//! Pods and everything that makes them.

use super::super::testing::{decode_all, slice, summary};
use super::super::{Object, Pod, Replicas, Workload};
use crate::space::Protocol;

#[track_caller]
fn workload(text: &str) -> Workload {
    let decoded = decode_all(text).remove(0);
    assert_eq!(decoded.findings, [], "{text}");
    match decoded.object {
        Some(Object::Workload(workload)) => *workload,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn pod(text: &str) -> Pod {
    let decoded = decode_all(text).remove(0);
    assert_eq!(decoded.findings, [], "{text}");
    match decoded.object {
        Some(Object::Pod(pod)) => *pod,
        other => panic!("{other:?}"),
    }
}

const TEMPLATE: &str = "template: {metadata: {labels: {app: web}}, spec: {serviceAccountName: web, containers: [\
                        {name: a, ports: [{containerPort: 8080, name: http}]}]}}";

#[test]
fn every_kind_with_a_template() {
    for (version, kind, spec, replicas) in [
        ("apps/v1", "Deployment", "replicas: 3, ", Replicas::Exactly(3)),
        ("apps/v1", "Deployment", "", Replicas::Exactly(1)),
        ("apps/v1", "Deployment", "replicas: null, ", Replicas::Exactly(1)),
        ("apps/v1", "Deployment", "replicas: 0, ", Replicas::Exactly(0)),
        ("apps/v1", "StatefulSet", "replicas: 2, ", Replicas::Exactly(2)),
        ("apps/v1", "ReplicaSet", "replicas: 1, ", Replicas::Exactly(1)),
        ("v1", "ReplicationController", "replicas: 2, ", Replicas::Exactly(2)),
        ("apps/v1", "DaemonSet", "", Replicas::PerNode),
        ("batch/v1", "Job", "", Replicas::Exactly(1)),
        ("batch/v1", "Job", "parallelism: 4, ", Replicas::Exactly(4)),
        ("argoproj.io/v1alpha1", "Rollout", "replicas: 5, ", Replicas::Exactly(5)),
        ("serving.knative.dev/v1", "Service", "", Replicas::Unsaid),
        ("apps.openshift.io/v1", "DeploymentConfig", "replicas: 2, ", Replicas::Exactly(2)),
        ("v1", "DeploymentConfig", "replicas: 2, ", Replicas::Exactly(2)),
    ] {
        let text = format!(
            "apiVersion: {version}\nkind: {kind}\nmetadata: {{name: web, namespace: shop}}\nspec: {{{spec}{TEMPLATE}}}\n"
        );
        let workload = workload(&text);
        assert_eq!((workload.kind, workload.replicas), (kind, replicas));
        assert_eq!((&*workload.meta.namespace, &*workload.meta.name.value), ("shop", "web"));
        let shape = &workload.shape.value;
        assert_eq!(shape.labels.get("app"), Some("web"));
        assert_eq!(shape.service_account.as_deref(), Some("web"));
        assert!(!shape.host_network && !workload.finished);
        assert_eq!(shape.ports.len(), 1);
        assert_eq!((shape.ports[0].name.as_deref(), shape.ports[0].number), (Some("http"), 8080));
        assert_eq!(slice(&text, workload.shape.span), "{app: web}");
    }
}

#[test]
fn versions_that_are_gone_are_read_and_said() {
    for (version, kind, spec) in [
        ("extensions/v1beta1", "Deployment", TEMPLATE),
        ("apps/v1beta1", "StatefulSet", TEMPLATE),
        ("apps/v1beta2", "DaemonSet", TEMPLATE),
        (
            "networking.k8s.io/v1beta1",
            "Ingress",
            "rules: [{http: {paths: [{backend: {serviceName: web, servicePort: http}}]}}]",
        ),
    ] {
        let text =
            format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: web}}\nspec: {{{spec}}}\n");
        let decoded = decode_all(&text).remove(0);
        if let Some(Object::Route(route)) = &decoded.object {
            let backends: Vec<_> = route.rules.iter().flat_map(|rule| &rule.backends).collect();
            assert_eq!(backends.iter().map(|backend| &*backend.name).collect::<Vec<_>>(), ["web"]);
        }
        assert!(decoded.object.is_some());
        let found: Vec<_> =
            decoded.findings.iter().map(|finding| (finding.rule, finding.incomplete)).collect();
        assert_eq!(found, [("deprecated-api-version", false)], "{text}");
        assert_eq!(slice(&text, decoded.findings[0].span().unwrap()), version);
    }
}

#[test]
fn cron_jobs_have_a_template_in_a_template() {
    let text = format!(
        "apiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: nightly}}\nspec: {{jobTemplate: {{spec: {{parallelism: 2, {TEMPLATE}}}}}}}\n"
    );
    let workload = workload(&text);
    assert_eq!((workload.kind, workload.replicas), ("CronJob", Replicas::Exactly(2)));
    assert_eq!(workload.shape.value.labels.to_string(), "app=web");
}

#[test]
fn labels_that_controllers_always_add() {
    let text =
        format!("apiVersion: batch/v1\nkind: Job\nmetadata: {{name: migrate}}\nspec: {{{TEMPLATE}}}\n");
    let job = workload(&text).shape.value.labels.to_string();
    assert_eq!(job, "app=web,batch.kubernetes.io/job-name=migrate,job-name=migrate");
    let text = "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: web}\nspec: {template: {spec: {containers: []}}}\n";
    let service = workload(text);
    assert_eq!(service.shape.value.labels.get("serving.knative.dev/service"), Some("web"));
    assert_eq!(slice(text, service.shape.span), "template");
}

#[test]
fn machines() {
    let machine = "{metadata: {labels: {vm: db}}, spec: {domain: {devices: {interfaces: [{name: default, ports: \
                   [{name: pg, port: 5432}, {port: 53, protocol: UDP}]}]}}}}";
    for (kind, spec, replicas) in [
        ("VirtualMachine", format!("{{runStrategy: Always, template: {machine}}}"), Replicas::Exactly(1)),
        (
            "VirtualMachineInstanceReplicaSet",
            format!("{{replicas: 2, template: {machine}}}"),
            Replicas::Exactly(2),
        ),
    ] {
        let text =
            format!("apiVersion: kubevirt.io/v1\nkind: {kind}\nmetadata: {{name: db}}\nspec: {spec}\n");
        let workload = workload(&text);
        assert_eq!((workload.kind, workload.replicas), (kind, replicas));
        assert_eq!(workload.shape.value.labels.to_string(), "vm=db");
        assert_eq!(workload.shape.value.ports.len(), 2);
    }
    let text = "apiVersion: kubevirt.io/v1\nkind: VirtualMachineInstance\nmetadata: {name: db, labels: {vm: db}}\nspec: {domain: {devices: {}}}\nstatus: {phase: Succeeded}\n";
    let instance = workload(text);
    assert!(instance.finished);
    assert_eq!(instance.shape.value.labels.to_string(), "vm=db");
}

#[test]
fn a_rollout_may_borrow_the_template_of_a_deployment() {
    let text = "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: web}\nspec: {workloadRef: {apiVersion: apps/v1, kind: Deployment, name: web}}\n";
    let decoded = decode_all(text).remove(0);
    assert_eq!(decoded.findings, []);
    assert!(decoded.object.is_none());
}

#[test]
fn finished_jobs_say_so_in_their_conditions() {
    for (status, finished) in [
        ("{conditions: [{type: Complete, status: 'True'}]}", true),
        ("{conditions: [{type: Suspended, status: 'True'}, {type: Failed, status: 'True'}]}", true),
        ("{conditions: [{type: Complete, status: 'False'}]}", false),
        ("{active: 1}", false),
        ("null", false),
    ] {
        let text = format!(
            "apiVersion: batch/v1\nkind: Job\nmetadata: {{name: j}}\nspec: {{{TEMPLATE}}}\nstatus: {status}\n"
        );
        assert_eq!(workload(&text).finished, finished, "{status}");
    }
}

#[test]
fn pods_as_kubectl_prints_them() {
    let text = r#"
apiVersion: v1
kind: Pod
metadata:
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: |
      {"apiVersion":"v1"}
  creationTimestamp: "2024-05-01T10:00:00Z"
  deletionTimestamp: "2024-05-01T11:00:00Z"
  generateName: web-7d4b9c-
  labels:
    app: web
    pod-template-hash: 7d4b9c
  managedFields: []
  name: web-7d4b9c-x2x9z
  namespace: shop
  ownerReferences:
  - apiVersion: example.com/v1
    kind: Watcher
    name: other
    uid: 1b
  - apiVersion: apps/v1
    blockOwnerDeletion: true
    controller: true
    kind: ReplicaSet
    name: web-7d4b9c
    uid: 1a
  resourceVersion: "12"
  uid: 1c
spec:
  containers:
  - name: web
    ports:
    - {containerPort: 8080, name: http, protocol: TCP}
    - {containerPort: 8080, name: http, protocol: TCP}
  - name: sidecar
    ports:
    - {containerPort: 9090, protocol: UDP}
  initContainers:
  - name: proxy
    restartPolicy: Always
    ports:
    - {containerPort: 15001, name: proxy}
  nodeName: n1
  serviceAccount: web
  serviceAccountName: web
status:
  hostIP: 10.0.0.1
  phase: Running
  podIP: 10.1.0.7
  podIPs:
  - ip: 10.1.0.7
  - ip: fd00::7
"#;
    let pod = pod(text);
    assert_eq!((&*pod.meta.name.value, &*pod.meta.namespace), ("web-7d4b9c-x2x9z", "shop"));
    let owner = pod.meta.owner.as_ref().unwrap();
    assert_eq!((&*owner.kind, &*owner.name), ("ReplicaSet", "web-7d4b9c"));
    assert_eq!(pod.node.as_deref(), Some("n1"));
    assert_eq!(pod.addresses.len(), 2);
    // S-39
    assert!(!pod.finished);
    let shape = &pod.shape.value;
    assert_eq!(shape.labels.to_string(), "app=web,pod-template-hash=7d4b9c");
    let ports: Vec<_> = shape.ports.iter().map(|port| (port.number, port.protocol)).collect();
    assert_eq!(ports, [(9090, Protocol::Udp), (8080, Protocol::Tcp), (15001, Protocol::Tcp)]);
    assert_eq!(shape.service_account.as_deref(), Some("web"));
}

#[test]
fn owners() {
    for (owners, wanted) in [
        ("[{kind: Job, name: a}]", Some("a")),
        ("[{kind: Job, name: a, controller: false}]", None),
        ("[{kind: Node, name: n1, controller: true}]", None),
        ("[{kind: Job, name: a}, {kind: Job, name: b, controller: true}]", Some("b")),
        ("[{name: a}]", Some("a")),
        ("[{kind: Job}]", None),
        ("[]", None),
        ("null", None),
    ] {
        let text = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p, ownerReferences: {owners}}}\nspec: {{containers: []}}\n"
        );
        assert_eq!(pod(&text).meta.owner.map(|owner| owner.name).as_deref(), wanted, "{owners}");
    }
}

#[test]
fn pods_that_have_ended_and_pods_on_the_host_network() {
    for (phase, finished) in [("Succeeded", true), ("Failed", true), ("Pending", false), ("Unknown", false)] {
        let text = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec: {{hostNetwork: true, containers: []}}\nstatus: {{phase: {phase}, hostIP: 10.0.0.9}}\n"
        );
        let pod = pod(&text);
        assert_eq!(pod.finished, finished);
        assert!(pod.shape.value.host_network);
        assert_eq!(pod.addresses.as_ref(), ["10.0.0.9".parse::<std::net::IpAddr>().unwrap()]);
    }
}

#[test]
fn wrong_types_and_repeated_keys_of_what_is_read() {
    let text = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {a: 1}
  nmae: x
spec:
  replicas: '3'
  unheard: of
  template:
    metadata:
      labels: {app: web, version: 1.10, app: api}
    spec:
      hostNetwork: 'yes'
      containers:
        - name: a
          image: 12
          ports:
            - {containerPort: '80'}
            - {containerPort: 70000}
            - {containerPort: 53, protocol: udp}
            - {containerPort: 443, name: 443}
            - {containerPort: 8443, hostPort: x}
        - ports: 9000
      containers: null
";
    let decoded = decode_all(text).remove(0);
    let found = summary(text, &decoded.findings);
    // The last `containers` wins, as with kubectl.
    assert_eq!(
        found,
        [
            ("wrong-type", "1"),
            ("unknown-field", "nmae"),
            ("wrong-type", "'3'"),
            ("wrong-type", "1.10"),
            ("duplicate-key", "app"),
            ("wrong-type", "'yes'"),
            ("duplicate-key", "containers"),
        ]
    );
    let text = text.replace("      containers: null\n", "");
    let decoded = decode_all(&text).remove(0);
    let found = summary(&text, &decoded.findings);
    assert_eq!(
        found[6..],
        [
            ("wrong-type", "'80'"),
            ("wrong-type", "70000"),
            ("wrong-type", "udp"),
            ("wrong-type", "443"),
            ("wrong-type", "9000"),
        ]
    );
    assert!(
        decoded.findings.iter().all(|finding| finding.object.as_deref() == Some("Deployment/default/web"))
    );
    let Some(Object::Workload(workload)) = decoded.object else { panic!() };
    assert_eq!(workload.shape.value.labels.to_string(), "app=api");
    assert_eq!(workload.shape.value.ports.len(), 2);
}

#[test]
fn objects_without_what_they_need() {
    for (text, place) in [
        ("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 1}\n", "web"),
        ("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n", "web"),
        ("apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: web}\nspec: {jobTemplate: {}}\n", "web"),
        ("apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: web}\nspec: {template: {}}\n", "template"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n", "web"),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: {labels: {a: b}}\nspec: {containers: []}\n",
            "{labels: {a: b}}",
        ),
        ("apiVersion: v1\nkind: Pod\nspec: {containers: []}\n", "apiVersion: v1"),
        ("apiVersion: kubevirt.io/v1\nkind: VirtualMachine\nmetadata: {name: web}\nspec: {}\n", "web"),
    ] {
        let decoded = decode_all(text).remove(0);
        assert_eq!(summary(text, &decoded.findings), [("wrong-type", place)], "{text}");
    }
}

#[test]
fn equal_shapes_are_shared() {
    let text =
        format!("apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec: {{{TEMPLATE}}}\n");
    let both = decode_all(&format!("{text}---\n{text}"));
    let [Some(Object::Workload(a)), Some(Object::Workload(b))] = [&both[0].object, &both[1].object] else {
        panic!()
    };
    assert!(std::sync::Arc::ptr_eq(&a.shape.value, &b.shape.value));
}

#[test]
fn what_the_prometheus_operator_makes() {
    let operated = |kind: &str, spec: &str| {
        let text = format!(
            "apiVersion: monitoring.coreos.com/v1\nkind: {kind}\nmetadata: {{name: k8s}}\nspec: {spec}\n"
        );
        let decoded = decode_all(&text).remove(0);
        assert_eq!(decoded.findings, [], "{text}");
        decoded.object.map(|object| match object {
            Object::Operated(workload) => *workload,
            other => panic!("{other:?}"),
        })
    };
    let ports = |workload: &Workload| {
        let ports = workload.shape.value.ports.iter();
        let all: Vec<String> = ports
            .map(|port| format!("{} {}/{}", port.name.as_deref().unwrap_or("-"), port.number, port.protocol))
            .collect();
        all.join(", ")
    };
    let made = operated(
        "Prometheus",
        "{replicas: 2, shards: 3, version: v3.1.0, podMetadata: {labels: {app: metrics, prometheus: mine}}, thanos: {}, \
         containers: [{name: proxy, ports: [{name: https, containerPort: 9443}]}], serviceAccountName: scraper}",
    )
    .unwrap();
    assert_eq!((made.kind, &*made.meta.name.value), ("StatefulSet", "prometheus-k8s"));
    assert_eq!(made.replicas, Replicas::Exactly(6));
    assert_eq!(
        made.shape.value.labels.to_string(),
        "app=metrics,app.kubernetes.io/instance=k8s,app.kubernetes.io/managed-by=prometheus-operator,\
         app.kubernetes.io/name=prometheus,app.kubernetes.io/version=3.1.0,operator.prometheus.io/name=k8s,prometheus=k8s"
    );
    assert_eq!(
        ports(&made),
        "grpc 10901/TCP, http 10902/TCP, https 9443/TCP, reloader-web 8080/TCP, web 9090/TCP"
    );
    assert_eq!(made.shape.value.service_account.as_deref(), Some("scraper"));
    let made = operated("Alertmanager", "{portName: alerts}").unwrap();
    assert_eq!((&*made.meta.name.value, made.replicas), ("alertmanager-k8s", Replicas::Exactly(1)));
    assert_eq!(ports(&made), "alerts 9093/TCP, mesh-tcp 9094/TCP, mesh-udp 9094/UDP, reloader-web 8080/TCP");
    let made = operated("ThanosRuler", "{listenLocal: true}").unwrap();
    assert_eq!(ports(&made), "grpc 10901/TCP, reloader-web 8080/TCP");
    assert_eq!(operated("PrometheusAgent", "{mode: DaemonSet}"), None);
    assert_eq!(&*operated("PrometheusAgent", "{}").unwrap().meta.name.value, "prom-agent-k8s");
}
