//! Endpoints from classes: what an answer calls them, and which of them belong together.

use std::collections::{BTreeMap, BTreeSet};

use npv_models::cluster::{Cluster, GroupId, PodGroup, WorkloadId};
use npv_models::policy::Entity;
use npv_models::space::{Family, IntervalSet, IpSet, Labels, cidr_text};
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::address::AddressSpace;
use super::behaviour::Behaviours;
use super::classes::{Classes, Owner, Unit};
use super::endpoint::{Assumed, AssumedKind, Endpoint, EndpointKind, Symbolic};
use super::lists::Lists;
use super::naming::{Feature, FeatureKind, tell_apart};
use super::vocabulary::Vocabulary;

/// An endpoint, and a class that it is of.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) endpoint: Endpoint,
    pub(crate) class: u32,
    /// Its units, ascending.
    pub(crate) units: Vec<u32>,
}

/// What naming endpoints needs.
pub(crate) struct Namer<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) vocabulary: &'a Vocabulary<'a>,
    pub(crate) classes: &'a Classes,
    pub(crate) behaviours: &'a Behaviours,
    pub(crate) space: &'a AddressSpace,
    pub(crate) assumed: &'a [Assumed],
}

impl Namer<'_> {
    /// All endpoints in the order of every output: pods, what is in braces, and addresses.
    pub(crate) fn endpoints(&self) -> Vec<Draft> {
        let mentioned: FxHashSet<&str> = self
            .vocabulary
            .selectors
            .values()
            .iter()
            .flat_map(|selector| selector.pods.mentioned())
            .map(|requirement| &*requirement.key)
            .collect();
        let units = &self.classes.units;
        let of_workload = (0_u32..).zip(units).filter_map(|(number, unit)| match unit.owner {
            Owner::Group(group) => Some((self.group(group)?.workload.0, number)),
            _ => None,
        });
        let of_workload = Lists::grouped(self.cluster.workloads.len(), of_workload);
        let mut pods: Vec<Draft> = (0..self.cluster.workloads.len() as u32)
            .into_par_iter()
            .flat_map_iter(|workload| {
                self.workload(WorkloadId(workload), of_workload.get(workload), &mentioned)
            })
            .collect();
        pods.par_sort_by(|a, b| a.endpoint.id.cmp(&b.endpoint.id));
        let mut symbolic = self.nodes();
        symbolic.extend((0_u32..).zip(units).filter_map(|(number, unit)| {
            let (id, symbolic) = match unit.owner {
                Owner::Assumed(assumed) => {
                    let assumed = self.assumed.get(assumed as usize)?;
                    let symbolic = match assumed.kind {
                        AssumedKind::Pod => Symbolic::Pod,
                        AssumedKind::Entity(entity) => Symbolic::Entity(entity),
                    };
                    (assumed.id.clone(), symbolic)
                }
                Owner::Domain(domain) => {
                    let domain = self.vocabulary.domains.values().get(domain as usize)?;
                    (format!("{{domain {domain}}}"), Symbolic::Domain((*domain).clone()))
                }
                _ => return None,
            };
            let outside = matches!(symbolic, Symbolic::Domain(_) | Symbolic::Entity(Entity::World));
            let kind = EndpointKind::Assumed(symbolic);
            let endpoint = Endpoint { id, kind, pods: 0, several: false, outside };
            Some(Draft { endpoint, class: unit.class, units: vec![number] })
        }));
        symbolic.sort_by(|a, b| a.endpoint.id.cmp(&b.endpoint.id));
        pods.extend(symbolic);
        pods.extend(self.outside());
        pods
    }

    fn unit(&self, number: u32) -> Option<&Unit> {
        self.classes.units.get(number as usize)
    }

    fn group(&self, number: u32) -> Option<&PodGroup> {
        self.cluster.groups.get(number as usize)
    }

    /// Units by their connections, in the order in which they first come; and the part of each unit.
    fn parts<'u>(&self, units: &[&'u Unit]) -> (Vec<Vec<&'u Unit>>, Vec<u32>) {
        let mut numbers = FxHashMap::default();
        let mut parts: Vec<Vec<&Unit>> = Vec::new();
        let of = units
            .iter()
            .map(|unit| {
                let behaviours = self.behaviours;
                let key = (behaviours.sources.of(unit.class), behaviours.destinations.of(unit.class));
                let number = *numbers.entry(key).or_insert_with(|| {
                    parts.push(Vec::new());
                    parts.len() - 1
                });
                if let Some(part) = parts.get_mut(number) {
                    part.push(unit);
                }
                number as u32
            })
            .collect();
        (parts, of)
    }

    fn workload(&self, id: WorkloadId, units: &[u32], mentioned: &FxHashSet<&str>) -> Vec<Draft> {
        let Some(workload) = self.cluster.workloads.get(id.0 as usize) else { return Vec::new() };
        let namespace = self.cluster.namespaces.get(workload.namespace.0 as usize);
        let namespace = namespace.map_or("", |namespace| &*namespace.name);
        let name = format!("{namespace}/{}[{}]", workload.name, workload.kind);
        let units: Vec<&Unit> = units.iter().filter_map(|unit| self.unit(*unit)).collect();
        let (parts, of) = self.parts(&units);
        let suffixes = if parts.len() > 1 {
            let features = self.pod_features(&units, mentioned);
            let suffixes = tell_apart(&features, &of, parts.len(), |part| self.first_pod(&parts, part));
            suffixes.into_iter().map(|suffix| format!("{{{suffix}}}")).collect()
        } else {
            vec![String::new()]
        };
        parts
            .iter()
            .zip(suffixes)
            .filter_map(|(part, suffix)| {
                let groups: BTreeSet<GroupId> = part
                    .iter()
                    .filter_map(|unit| match unit.owner {
                        Owner::Group(group) => Some(GroupId(group)),
                        _ => None,
                    })
                    .collect();
                let sizes = || part.iter().filter_map(|unit| self.size(unit));
                let pods = sizes().map(|(pods, _)| pods).fold(0, u32::saturating_add);
                let several = pods > 1 || sizes().any(|(_, several)| several);
                let mut divided: BTreeMap<GroupId, Vec<u32>> = BTreeMap::new();
                for unit in part {
                    if let (Owner::Group(group), Some(positions)) = (unit.owner, &unit.part) {
                        divided.entry(GroupId(group)).or_default().extend(positions);
                    }
                }
                for positions in divided.values_mut() {
                    positions.sort_unstable();
                }
                let groups = groups.into_iter().collect();
                let kind =
                    EndpointKind::Pods { workload: id, groups, divided: divided.into_iter().collect() };
                let id = format!("{name}{suffix}");
                let endpoint = Endpoint { id, kind, pods, several, outside: false };
                Some(Draft { endpoint, class: part.first()?.class, units: unit_numbers(part) })
            })
            .collect()
    }

    /// How many pods a unit has, and whether it can have more than one.
    fn size(&self, unit: &Unit) -> Option<(u32, bool)> {
        let Owner::Group(group) = unit.owner else { return None };
        let group = self.group(group)?;
        Some(
            unit.part
                .as_ref()
                .map_or((group.pods, group.several), |part| (part.len() as u32, part.len() > 1)),
        )
    }

    /// The last resort: what a part has that is certainly no other's.
    fn first_pod(&self, parts: &[Vec<&Unit>], part: u32) -> String {
        let pods = parts.get(part as usize).into_iter().flatten().flat_map(|unit| {
            let Owner::Group(group) = unit.owner else { return Vec::new() };
            let Some(group) = self.group(group) else { return Vec::new() };
            let members = (0_u32..).zip(&group.members);
            let own = |position: &u32| unit.part.as_ref().is_none_or(|part| part.contains(position));
            members.filter(|(position, _)| own(position)).map(|(_, member)| &*member.name).collect()
        });
        let names: BTreeSet<&str> = pods.collect();
        match (names.first(), names.len()) {
            (None, _) => format!("group {}", part + 1),
            (Some(only), 1) => format!("pod {only}"),
            (Some(first), count) => format!("pod {first} and {} more", count - 1),
        }
    }

    fn pod_features(&self, units: &[&Unit], mentioned: &FxHashSet<&str>) -> Vec<Feature> {
        let groups: Vec<Option<&PodGroup>> = units
            .iter()
            .map(|unit| match unit.owner {
                Owner::Group(group) => self.group(group),
                _ => None,
            })
            .collect();
        let labels: Vec<Option<&Labels>> =
            groups.iter().map(|group| group.map(|group| &*group.labels)).collect();
        let mut features = label_features(&labels, |key| mentioned.contains(key));
        let ports = groups.iter().flatten().flat_map(|group| group.ports.iter());
        let names: BTreeSet<&str> = ports.filter_map(|port| port.name.as_deref()).collect();
        for name in names {
            let values = groups.iter().map(|group| {
                let ports = group.iter().flat_map(|group| group.ports.iter());
                let named = ports.filter(|port| port.name.as_deref() == Some(name));
                let text: Vec<String> =
                    named.map(|port| format!("{}/{}", port.number, port.protocol)).collect();
                (!text.is_empty()).then(|| text.join("+"))
            });
            features.push(Feature {
                kind: FeatureKind::Port(name.to_owned()),
                mentioned: self.vocabulary.names.values().iter().any(|(_, known)| *known == name),
                values: values.collect(),
            });
        }
        let host = |group: Option<&PodGroup>| group.is_some_and(|group| group.host_network);
        features.push(has("host network", "pod network", groups.iter().copied().map(host)));
        features.extend(self.seen_features(units));
        features
    }

    /// What blocks and node selectors can see of units.
    fn seen_features(&self, units: &[&Unit]) -> Vec<Feature> {
        let mut features = Vec::new();
        for (block, set) in self.vocabulary.blocks.values().iter().zip(&self.classes.by_block) {
            let inside = || units.iter().map(|unit| set.certain.contains(unit.class));
            if inside().any(|inside| inside) {
                let text = addresses(block);
                features.push(has(&format!("in {text}"), &format!("not in {text}"), inside()));
            }
        }
        for family in Family::ALL.into_iter().filter(|_| self.classes.families_matter) {
            let signature = |unit: &&Unit| self.classes.signatures.get(unit.class as usize);
            let usable = units.iter().map(|unit| signature(unit).is_some_and(|own| own.families.has(family)));
            features.push(has(family.name(), &format!("no {family}"), usable));
        }
        for (selector, set) in self.vocabulary.nodes.values().iter().zip(&self.classes.by_nodes) {
            let on = || units.iter().map(|unit| set.certain.contains(unit.class));
            if on().any(|on| on) {
                features.push(has(&format!("on {selector}"), &format!("not on {selector}"), on()));
            }
        }
        features
    }

    /// `{node}` where policies cannot tell nodes apart.
    fn nodes(&self) -> Vec<Draft> {
        let units: Vec<&Unit> =
            self.classes.units.iter().filter(|unit| matches!(unit.owner, Owner::Node(_))).collect();
        let node = |unit: &&Unit| match unit.owner {
            Owner::Node(number) => Some((number, self.cluster.nodes.get(number as usize)?)),
            _ => None,
        };
        let (parts, of) = self.parts(&units);
        let names = |part: &Vec<&Unit>| -> BTreeSet<&str> {
            part.iter().filter_map(node).map(|(_, node)| &*node.name).collect()
        };
        let fallback = |part: u32| {
            let names = parts.get(part as usize).map(names).unwrap_or_default();
            let first = names.first().copied().unwrap_or_default();
            format!("{first} and {} more", names.len().saturating_sub(1))
        };
        let texts = if parts.len() > 1 {
            let labels: Vec<Option<&Labels>> =
                units.iter().map(|unit| Some(&node(unit)?.1.labels).map(|labels| &**labels)).collect();
            let selectors = self.vocabulary.nodes.values();
            let mut features = label_features(&labels, |key| {
                selectors.iter().flat_map(|selector| selector.mentioned()).any(|wanted| &*wanted.key == key)
            });
            features.extend(self.seen_features(&units));
            tell_apart(&features, &of, parts.len(), fallback)
        } else {
            vec![String::new()]
        };
        parts
            .iter()
            .zip(texts)
            .filter_map(|(part, text)| {
                let names = names(part);
                let id = match (parts.len(), names.len(), names.first()) {
                    (1, ..) => "{node}".to_owned(),
                    (_, 1, Some(name)) => format!("{{node {name}}}"),
                    _ => format!("{{nodes {text}}}"),
                };
                let numbers = part.iter().filter_map(node).map(|(number, _)| number).collect();
                let kind = EndpointKind::Nodes(numbers);
                let endpoint = Endpoint { id, kind, pods: 0, several: false, outside: false };
                Some(Draft { endpoint, class: part.first()?.class, units: unit_numbers(part) })
            })
            .collect()
    }

    /// Blocks of addresses with the same connections, by their lowest addresses. Those of pods and Services,
    /// where they are known, are inside.
    fn outside(&self) -> Vec<Draft> {
        let units: Vec<&Unit> =
            self.classes.units.iter().filter(|unit| matches!(unit.owner, Owner::Outside(_))).collect();
        let ranges = self.space.ranges();
        let (parts, _) = self.parts(&units);
        let mut blocks: Vec<(IpSet, u32, Vec<u32>)> = parts
            .iter()
            .filter_map(|part| {
                let sets = || {
                    part.iter().filter_map(|unit| match unit.owner {
                        Owner::Outside(class) => ranges.get(class as usize),
                        _ => None,
                    })
                };
                let v4 = sets().flat_map(|set| set.v4().intervals()).copied();
                let v6 = sets().flat_map(|set| set.v6().intervals()).copied();
                let all = IpSet::from_parts(IntervalSet::from_intervals(v4), IntervalSet::from_intervals(v6));
                Some((all, part.first()?.class, unit_numbers(part)))
            })
            .collect();
        let assumptions = &self.cluster.assumptions;
        let inside = assumptions.pod_addresses.union(&assumptions.service_addresses);
        if !inside.is_empty() {
            for (addresses, ..) in &mut blocks {
                *addresses = addresses.difference(&inside);
            }
            blocks.retain(|(addresses, ..)| !addresses.is_empty());
        }
        blocks.sort_by_cached_key(|(addresses, ..)| addresses.first());
        (1..)
            .zip(blocks)
            .map(|(number, (addresses, class, units))| {
                let (id, kind) = (format!("external-{number}"), EndpointKind::External(addresses));
                Draft {
                    endpoint: Endpoint { id, kind, pods: 0, several: false, outside: true },
                    class,
                    units,
                }
            })
            .collect()
    }
}

fn unit_numbers(units: &[&Unit]) -> Vec<u32> {
    units.iter().map(|unit| unit.number).collect()
}

fn has(has: &str, lacks: &str, values: impl Iterator<Item = bool>) -> Feature {
    Feature {
        kind: FeatureKind::Has(has.to_owned(), lacks.to_owned()),
        mentioned: true,
        values: values.map(|has| has.then(String::new)).collect(),
    }
}

fn label_features(labels: &[Option<&Labels>], mentioned: impl Fn(&str) -> bool) -> Vec<Feature> {
    let keys: BTreeSet<&str> =
        labels.iter().flatten().flat_map(|labels| labels.iter()).map(|(key, _)| key).collect();
    keys.into_iter()
        .map(|key| Feature {
            kind: FeatureKind::Label(key.to_owned()),
            mentioned: mentioned(key),
            values: labels
                .iter()
                .map(|labels| labels.and_then(|labels| labels.get(key)).map(str::to_owned))
                .collect(),
        })
        .collect()
}

/// A set of addresses as blocks.
fn addresses(set: &IpSet) -> String {
    let blocks: Vec<String> = set.ranges().map(|(first, last)| cidr_text(first, last)).collect();
    blocks.join(", ")
}
