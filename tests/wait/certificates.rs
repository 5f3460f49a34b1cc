//! The authorities that the certificate of a server is verified against.

use std::path::Path;

use crate::support::{Folder, KEY, TlsPlane, Watch};

#[test]
fn file_and_directory_of_the_environment_are_trusted() {
    let plane = TlsPlane::start();
    let (folder, empty) = (Folder::new(), Folder::new());
    folder.write("authority.pem", std::fs::read(TlsPlane::authority()).expect("a certificate"));
    let nothing = empty.write("nothing.pem", "");
    let (directory, empty) = (text(folder.path()), text(empty.path()));
    let file = text(&TlsPlane::authority());

    for (variables, code) in [
        (&[("SSL_CERT_FILE", &file)][..], 0),
        (&[("SSL_CERT_DIR", &directory)], 0),
        (&[("SSL_CERT_DIR", &format!("{empty}:{directory}"))], 0),
        (&[("SSL_CERT_FILE", &file), ("SSL_CERT_DIR", &empty)], 0),
        (&[("SSL_CERT_FILE", &nothing), ("SSL_CERT_DIR", &directory)], 0),
        // The bundle of the system is not used beside them.
        (&[("SSL_CERT_FILE", &nothing)], 78),
        (&[("SSL_CERT_DIR", &empty)], 78),
    ] {
        let watch = variables.iter().fold(wait(&[], &plane), |watch, (name, value)| watch.env(name, value));
        watch.run().expect(code);
    }
}

#[test]
fn ca_file_adds_to_the_certificates_of_the_system() {
    let plane = TlsPlane::start();
    let folder = Folder::new();
    let authority = text(&TlsPlane::authority());
    let config =
        folder.write("config.toml", format!("jobs = [\"rj-1\"]\n[api]\nca_file = \"{authority}\"\n"));

    wait(&["--config", &config], &plane).run().expect(0);

    // Nor does a file without certificates in the environment take anything away from it.
    let nothing = folder.write("nothing.pem", "");
    wait(&["--config", &config], &plane).env("SSL_CERT_FILE", &nothing).run().expect(0);
}

#[test]
fn unknown_authority_is_78() {
    let plane = TlsPlane::start();
    wait(&[], &plane).run().expect(78);
}

fn wait(arguments: &[&str], plane: &TlsPlane) -> Watch {
    Watch::new(["wait", "rj-1"].iter().chain(arguments))
        .env("PINECONE_CONTROLLER_HOST", &plane.url())
        .env("PINECONE_API_KEY", KEY)
}

fn text(path: &Path) -> String {
    path.to_str().expect("a path that is text").to_owned()
}
