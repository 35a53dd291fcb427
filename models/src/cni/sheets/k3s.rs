//! k3s: the policy controller of kube-router in its own process.

use super::super::sheet::Sheet;
use super::kube_router;

pub(super) static SHEET: Sheet = Sheet { name: "k3s", title: "k3s", aliases: &["k3d"], ..kube_router::SHEET };
