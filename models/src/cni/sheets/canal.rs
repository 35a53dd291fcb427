//! Canal: Flannel's network with Calico's policies.

use super::super::sheet::Sheet;
use super::calico;

pub(super) static SHEET: Sheet =
    Sheet { name: "canal", title: "Canal", aliases: &["rke-canal", "rke2"], ..calico::SHEET };
