//! Host endpoints (C-70 to C-73).

use std::sync::Arc;

use crate::k8s::{CalicoObject, HostEndpoint};
use crate::space::Labels;

/// The labels of a host endpoint: its own, then those of its profiles, the first of which counts.
pub(super) fn labels(endpoint: &HostEndpoint, objects: &[CalicoObject]) -> Arc<Labels> {
    let profile = |name: &str| {
        objects.iter().find_map(|object| match object {
            CalicoObject::Profile(profile) if *profile.meta.name.value == *name => Some(profile),
            _ => None,
        })
    };
    let mut labels = Labels::clone(&endpoint.labels.value);
    for name in &endpoint.profiles {
        for (key, value) in profile(&name.value).into_iter().flat_map(|profile| profile.labels.iter()) {
            if labels.get(key).is_none() {
                labels.insert(key, value);
            }
        }
    }
    Arc::new(labels)
}
