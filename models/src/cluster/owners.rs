//! Who owns whom: from a pod to the controller that a person wrote.

use std::collections::HashMap;

use crate::k8s::{Owner, Pod, Workload};

/// Controllers that make other controllers, child first. Only along these is an owner followed: any
/// other owner of a Deployment, say an operator's own kind, makes no pods itself.
const CHAINS: [(&str, &str); 6] = [
    ("ReplicaSet", "Deployment"),
    ("ReplicaSet", "Rollout"),
    ("ReplicationController", "DeploymentConfig"),
    ("Job", "CronJob"),
    ("VirtualMachineInstance", "VirtualMachine"),
    ("VirtualMachineInstance", "VirtualMachineInstanceReplicaSet"),
];

/// Chains are short; a longer one is a circle.
const LONGEST: usize = 8;

/// The controllers that the manifests define.
pub(super) struct Owners<'a> {
    workloads: HashMap<(&'a str, &'a str, &'a str), &'a Workload>,
}

impl<'a> Owners<'a> {
    pub(super) fn new(workloads: &'a [Workload]) -> Self {
        let key =
            |workload: &'a Workload| (&*workload.meta.namespace, workload.kind, &*workload.meta.name.value);
        Self { workloads: workloads.iter().map(|workload| (key(workload), workload)).collect() }
    }

    fn defined(&self, namespace: &str, kind: &str, name: &str) -> Option<&'a Workload> {
        self.workloads.get(&(namespace, kind, name)).copied()
    }

    /// Kind and name of the controller at the top of a workload's chain: its own where nobody made it.
    pub(super) fn of_workload(&self, workload: &'a Workload) -> (&'a str, &'a str) {
        let (mut top, mut current) = ((workload.kind, &*workload.meta.name.value), Some(workload));
        for _ in 0..LONGEST {
            let Some(owner) = current.and_then(made_by) else { break };
            top = (&*owner.kind, &*owner.name);
            current = self.defined(&workload.meta.namespace, top.0, top.1);
        }
        top
    }

    /// Kind and name of the controller at the top of a pod's chain; the pod's own where it has none.
    pub(super) fn of_pod(&self, pod: &'a Pod) -> (&'a str, &'a str) {
        let Some(owner) = &pod.meta.owner else { return ("Pod", &pod.meta.name.value) };
        if let Some(workload) = self.defined(&pod.meta.namespace, &owner.kind, &owner.name) {
            return self.of_workload(workload);
        }
        match self.by_name(pod, owner) {
            Some(workload) => self.of_workload(workload),
            None => (&owner.kind, &owner.name),
        }
    }

    /// The controller that made a pod's owner, where the manifests define the controller but not the
    /// owner. Controllers name what they make in a fixed way.
    fn by_name(&self, pod: &Pod, owner: &Owner) -> Option<&'a Workload> {
        let namespace = &*pod.meta.namespace;
        if &*owner.kind == "VirtualMachineInstance" {
            return self.defined(namespace, "VirtualMachine", &owner.name);
        }
        let (name, suffix) = owner.name.rsplit_once('-')?;
        let numbered = !suffix.is_empty() && suffix.bytes().all(|byte| byte.is_ascii_digit());
        let hashed = |label| pod.shape.value.labels.get(label) == Some(suffix);
        let parent = match &*owner.kind {
            "ReplicaSet" if hashed("pod-template-hash") => "Deployment",
            "ReplicaSet" if hashed("rollouts-pod-template-hash") => "Rollout",
            "ReplicationController" if numbered => "DeploymentConfig",
            "Job" if numbered => "CronJob",
            _ => return None,
        };
        self.defined(namespace, parent, name)
    }
}

/// The owner that made a controller.
fn made_by(workload: &Workload) -> Option<&Owner> {
    let owner = workload.meta.owner.as_deref()?;
    CHAINS.contains(&(workload.kind, &*owner.kind)).then_some(owner)
}
