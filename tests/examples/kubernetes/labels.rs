//! Selectors and ports: what finds the daemons finds them, and does not find Jobs.

use serde_json::Value;

use super::{daemons, entries, named, text, tree};
use crate::yaml;

/// Whether a selector matches the labels of the pods of a manifest.
fn selects(selector: &Value, manifest: &str) -> bool {
    let labels = tree(manifest)["spec"]["template"]["metadata"]["labels"].clone();
    let wanted = selector.as_object().expect("labels");
    !wanted.is_empty() && wanted.iter().all(|(name, value)| labels[name] == *value)
}

#[test]
fn selectors_match_the_daemons_and_no_job() {
    let selectors = [
        ("sqlite/stateful-set.yaml", "/spec/selector/matchLabels", "sqlite/stateful-set.yaml"),
        ("sqlite/service.yaml", "/spec/selector", "sqlite/stateful-set.yaml"),
        ("postgres/deployment.yaml", "/spec/selector/matchLabels", "postgres/deployment.yaml"),
        ("postgres/disruption-budget.yaml", "/spec/selector/matchLabels", "postgres/deployment.yaml"),
        ("pod-monitor.yaml", "/spec/selector/matchLabels", "sqlite/stateful-set.yaml"),
        ("pod-monitor.yaml", "/spec/selector/matchLabels", "postgres/deployment.yaml"),
    ];
    for (file, pointer, daemon) in selectors {
        let tree = tree(file);
        let selector = tree.pointer(pointer).expect(file);

        assert!(selects(selector, daemon), "{file}: {selector}");
        for job in ["wait/job.yaml", "restore/job.yaml"] {
            assert!(!selects(selector, job), "{file} selects the pods of {job}");
        }
    }
}

#[test]
fn replicas_are_spread_over_nodes_and_zones() {
    let deployment = tree("postgres/deployment.yaml");
    let constraints = entries(&deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]);

    let keys: Vec<_> = constraints.iter().map(|one| yaml::text(&one["topologyKey"])).collect();

    assert_eq!(keys, ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]);
    for constraint in constraints {
        assert!(selects(&constraint["labelSelector"]["matchLabels"], "postgres/deployment.yaml"));
    }
}

#[test]
fn network_policy_selects_daemons_and_jobs() {
    let policy = tree("postgres/network-policy.yaml");
    let selector = &policy["spec"]["podSelector"]["matchLabels"];
    for pods in ["sqlite/stateful-set.yaml", "postgres/deployment.yaml", "wait/job.yaml", "restore/job.yaml"]
    {
        assert!(selects(selector, pods), "{pods}");
    }

    let egress = entries(&policy["spec"]["egress"]).iter().flat_map(|rule| entries(&rule["ports"]));
    let ports: Vec<_> = egress.map(|port| yaml::text(&port["port"])).collect();
    assert_eq!(ports, ["53", "53", "443", "5432"]);
}

#[test]
fn port_of_the_listener_is_the_same_everywhere() {
    for (place, container) in daemons() {
        let port = yaml::text(&named(&container["ports"], "http")["containerPort"]);
        let folder = place.split('/').next().expect("a folder");

        assert!(text(&format!("{folder}/config.toml")).contains(&format!("\nlisten = \"0.0.0.0:{port}\"\n")));
        let policy = tree(&format!("{folder}/network-policy.yaml"));
        assert_eq!(yaml::text(&policy["spec"]["ingress"][0]["ports"][0]["port"]), port, "{folder}");
    }
    let service = tree("sqlite/service.yaml");
    assert_eq!(
        (&service["spec"]["clusterIP"], &service["spec"]["ports"][0]["targetPort"]),
        (&"None".into(), &"http".into())
    );
    assert_eq!(tree("sqlite/stateful-set.yaml")["spec"]["serviceName"], service["metadata"]["name"]);
}

#[test]
fn account_exists_and_gives_no_token() {
    for (place, _) in daemons() {
        let account = tree(&place.replace(place.split('/').nth(1).expect("a file"), "service-account.yaml"));
        let name = &tree(place)["spec"]["template"]["spec"]["serviceAccountName"];

        assert_eq!(
            (&account["metadata"]["name"], &account["automountServiceAccountToken"]),
            (name, &false.into())
        );
    }
}

#[test]
fn job_label_is_the_one_that_alerts_select() {
    let monitor = tree("pod-monitor.yaml");
    let label = yaml::text(&monitor["spec"]["jobLabel"]);
    for (place, _) in daemons() {
        let labels = tree(place)["spec"]["template"]["metadata"]["labels"].clone();

        let job = yaml::text(&labels[label.as_str()]);

        assert!(
            include_str!("../../../config/prometheus/alerts.yml").contains(&format!("job=\"{job}\"")),
            "{job}"
        );
    }
}
