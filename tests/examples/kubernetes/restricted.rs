//! Pods keep to the restricted Pod Security Standard, and to some rules more.
//!
//! The rules are those of <https://kubernetes.io/docs/concepts/security/pod-security-standards/>, as far as they are about
//! Linux; the last three are not part of it.

use serde_json::{Value, json};

use super::{containers, entries, is_ours, pods, tree};

/// Whether a pod keeps to a rule.
type Rule = fn(&Value) -> bool;

const RULES: [(&str, Rule); 15] = [
    ("no namespaces of the node", |pod| {
        ["hostNetwork", "hostPID", "hostIPC"].iter().all(|name| is_absent_or(&pod[*name], &[false.into()]))
    }),
    ("no privileged container", |pod| {
        each(pod, |security, _| is_absent_or(&security["privileged"], &[false.into()]))
    }),
    ("no port of the node", |pod| {
        each(pod, |_, container| {
            entries(&container["ports"]).iter().all(|port| port.get("hostPort").is_none())
        })
    }),
    ("no profile of AppArmor or SELinux", |pod| {
        let names = ["appArmorProfile", "seLinuxOptions"];
        let has_none = |security: &Value| names.iter().all(|name| security.get(name).is_none());
        has_none(&pod["securityContext"]) && each(pod, |security, _| has_none(security))
    }),
    ("no mask of /proc is taken off", |pod| each(pod, |security, _| security.get("procMount").is_none())),
    ("no sysctl", |pod| pod["securityContext"].get("sysctls").is_none()),
    ("volumes of harmless types", |pod| {
        let harmless = [
            "configMap",
            "csi",
            "downwardAPI",
            "emptyDir",
            "ephemeral",
            "persistentVolumeClaim",
            "projected",
            "secret",
        ];
        let types = |volume: &Value| {
            volume.as_object().is_some_and(|keys| {
                keys.keys().filter(|key| *key != "name").all(|key| harmless.contains(&key.as_str()))
            })
        };
        entries(&pod["volumes"]).iter().all(types)
    }),
    ("no new privileges", |pod| each(pod, |security, _| security["allowPrivilegeEscalation"] == false)),
    ("no root by name", |pod| {
        let of_pod = pod["securityContext"]["runAsNonRoot"] == true;
        each(pod, |security, _| {
            security.get("runAsNonRoot").map_or(of_pod, |of_container| *of_container == true)
        })
    }),
    ("no root by number", |pod| {
        pod["securityContext"]["runAsUser"] != 0 && each(pod, |security, _| security["runAsUser"] != 0)
    }),
    ("a filter of system calls", |pod| {
        let kinds = ["RuntimeDefault".into(), "Localhost".into()];
        let of_pod = kinds.contains(&pod["securityContext"]["seccompProfile"]["type"]);
        each(pod, |security, _| {
            security
                .get("seccompProfile")
                .map_or(of_pod, |of_container| kinds.contains(&of_container["type"]))
        })
    }),
    ("no capability", |pod| {
        each(pod, |security, _| {
            let capabilities = &security["capabilities"];
            entries(&capabilities["drop"]).contains(&"ALL".into()) && entries(&capabilities["add"]).is_empty()
        })
    }),
    ("a root file system that is only read", |pod| {
        each(pod, |security, _| security["readOnlyRootFilesystem"] == true)
    }),
    ("no token of Kubernetes", |pod| pod["automountServiceAccountToken"] == false),
    ("no variables of Services", |pod| !containers(pod).all(is_ours) || pod["enableServiceLinks"] == false),
];

/// Whether something holds for the security context of each container, and for the container.
fn each(pod: &Value, holds: impl Fn(&Value, &Value) -> bool) -> bool {
    containers(pod).all(|container| holds(&container["securityContext"], container))
}

fn is_absent_or(value: &Value, values: &[Value]) -> bool {
    value.is_null() || values.contains(value)
}

/// The rules that a pod breaks.
fn broken(pod: &Value) -> Vec<&'static str> {
    RULES.iter().filter(|(_, holds)| !holds(pod)).map(|(name, _)| *name).collect()
}

#[test]
fn pods_are_restricted() {
    let pods = pods();

    assert_eq!(pods.len(), 5);
    for (place, pod) in pods {
        assert_eq!(broken(&pod), Vec::<&str>::new(), "{place}");
    }
}

#[test]
fn namespace_takes_only_restricted_pods() {
    let namespace = tree("sqlite/namespace.yaml");
    for mode in ["enforce", "audit", "warn"] {
        assert_eq!(
            namespace["metadata"]["labels"][format!("pod-security.kubernetes.io/{mode}")],
            "restricted"
        );
    }
}

#[test]
fn each_change_for_the_worse_breaks_its_rule() {
    // The last part of a path is set to a value, or removed if that is null.
    let worse: [(&str, Value, &str); 21] = [
        ("/hostNetwork", json!(true), "no namespaces of the node"),
        ("/hostPID", json!(true), "no namespaces of the node"),
        ("/containers/0/securityContext/privileged", json!(true), "no privileged container"),
        ("/containers/0/ports/0/hostPort", json!(9115), "no port of the node"),
        ("/securityContext/seLinuxOptions", json!({ "type": "t" }), "no profile of AppArmor or SELinux"),
        ("/containers/0/securityContext/procMount", json!("Unmasked"), "no mask of /proc is taken off"),
        ("/securityContext/sysctls", json!([{ "name": "a" }]), "no sysctl"),
        ("/volumes/0/hostPath", json!({ "path": "/" }), "volumes of harmless types"),
        ("/containers/0/securityContext/allowPrivilegeEscalation", json!(null), "no new privileges"),
        ("/securityContext/runAsNonRoot", json!(null), "no root by name"),
        ("/containers/0/securityContext/runAsNonRoot", json!(false), "no root by name"),
        ("/securityContext/runAsUser", json!(0), "no root by number"),
        ("/containers/0/securityContext/runAsUser", json!(0), "no root by number"),
        ("/securityContext/seccompProfile", json!(null), "a filter of system calls"),
        (
            "/containers/0/securityContext/seccompProfile",
            json!({ "type": "Unconfined" }),
            "a filter of system calls",
        ),
        ("/containers/0/securityContext/capabilities", json!(null), "no capability"),
        ("/containers/0/securityContext/capabilities/drop", json!(["NET_RAW"]), "no capability"),
        ("/containers/0/securityContext/capabilities/add", json!(["NET_ADMIN"]), "no capability"),
        (
            "/containers/0/securityContext/readOnlyRootFilesystem",
            json!(null),
            "a root file system that is only read",
        ),
        ("/automountServiceAccountToken", json!(null), "no token of Kubernetes"),
        ("/enableServiceLinks", json!(null), "no variables of Services"),
    ];
    let manifest = tree("sqlite/stateful-set.yaml");
    for (path, value, rule) in worse {
        let mut pod = manifest["spec"]["template"]["spec"].clone();
        let (parent, key) = path.rsplit_once('/').expect("a path");
        let parent = pod.pointer_mut(parent).and_then(Value::as_object_mut).expect(path);
        match value {
            Value::Null => drop(parent.remove(key).expect(path)),
            value => drop(parent.insert(key.to_owned(), value)),
        }

        assert_eq!(broken(&pod), [rule], "{path}");
    }
}
