//! Which texts are addresses of a database, and why others are not.

use super::*;

fn parse(text: &str) -> Result<ConnectionString, ConnectionFault> {
    ConnectionString::parse(text, false)
}

/// Where it is, who connects, with which password, and how.
fn read(text: &str) -> String {
    let address = parse(text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
    let password = address.password().unwrap_or("-");
    format!("{address} as {} {password} {:?}", address.role(), address.encryption())
}

#[test]
fn both_forms_are_read() {
    for (text, found) in [
        ("postgresql://rw@db.example/restores", "database restores at db.example as rw - Required"),
        ("postgres://rw:p%40%3A%2f@db:6432/r?", "database r at db:6432 as rw p@:/ Required"),
        ("postgresql://rw@a,b:6432/r", "database r at a, b:6432 as rw - Required"),
        ("postgresql://rw@[::1]:6432/r", "database r at [::1]:6432 as rw - Off"),
        ("postgresql://rw@%2Frun%2Fpostgresql/r", "database r at /run/postgresql as rw - Off"),
        ("postgresql:///r?host=/run/postgresql&user=rw", "database r at /run/postgresql as rw - Off"),
        ("postgresql://db/r?user=rw&password=a%26b", "database r at db as rw a&b Required"),
        ("host=db user=rw dbname=r", "database r at db as rw - Required"),
        (
            " host = 10.0.0.1,::1 port=1,2  user=rw dbname='a b' ",
            "database a b at 10.0.0.1:1, [::1]:2 as rw - Required",
        ),
        (r"host=db user=rw dbname=r password='it\'s \\'", r"database r at db as rw it's \ Required"),
        ("host=a,b port=6432 user=rw dbname=r", "database r at a:6432, b:6432 as rw - Required"),
        ("host=localhost user=rw dbname=r\n", "database r at localhost as rw - Off"),
    ] {
        assert_eq!(read(text), found, "{text}");
    }
}

#[test]
fn connections_to_other_machines_are_encrypted() {
    use Encryption::{IfOffered, Off, Required};

    let of = |host: &str, mode: &str, allow_plaintext: bool| {
        let text = format!("postgresql://rw@{host}/r?{mode}");
        ConnectionString::parse(&text, allow_plaintext).map(|address| address.encryption()).ok()
    };
    for (host, mode, strict, lax) in [
        ("db", "", Some(Required), Some(IfOffered)),
        ("db", "sslmode=prefer", Some(Required), Some(IfOffered)),
        ("db", "sslmode=allow", Some(Required), Some(IfOffered)),
        ("db", "sslmode=require", Some(Required), Some(Required)),
        ("db", "sslmode=verify-full", Some(Required), Some(Required)),
        ("db", "ssl=true", Some(Required), Some(Required)),
        ("db", "sslmode=disable", None, Some(Off)),
        ("localhost,db", "sslmode=disable", None, Some(Off)),
        ("localhost.example", "sslmode=disable", None, Some(Off)),
        ("localhost", "", Some(Off), Some(Off)),
        ("127.0.0.9,[::1]", "sslmode=prefer", Some(Off), Some(Off)),
        ("localhost", "sslmode=verify-full", Some(Required), Some(Required)),
        ("%2Frun", "sslmode=require", Some(Off), Some(Off)),
    ] {
        assert_eq!((of(host, mode, false), of(host, mode, true)), (strict, lax), "{host} {mode}");
    }
}

#[test]
fn parameters_of_other_programs_are_accepted_or_answered() {
    let with = |parameter: &str| parse(&format!("postgresql://rw@db/r?{parameter}"));
    for accepted in [
        "application_name=x&connect_timeout=10",
        "target_session_attrs=primary&channel_binding=require",
        "options=-c%20statement_timeout%3D5s",
        "keepalives_idle=5&keepalives=1&load_balance_hosts=random",
    ] {
        assert!(with(accepted).is_ok(), "{accepted}");
    }
    assert_eq!(with("channel_binding=require").unwrap().channel_binding(), ChannelBinding::Required);
    assert_eq!(with("options=-c%20a%3Db").unwrap().options(), Some("-c a=b"));

    for (refused, said) in [
        ("sslrootcert=/a/ca.pem", "`sslrootcert`: remove it, and write ca_file"),
        ("sslcert=a", "`sslcert`: remove it: a role is identified by a password"),
        ("hostaddr=10.0.0.1", "`hostaddr`: write the address itself as the host"),
        ("service=x", "`service`: remove it, and write the password"),
        ("sslmode=on", "has an `sslmode` that is not known: write sslmode=verify-full"),
        ("channel_binding=yes", "has a `channel_binding` that is not known"),
        ("target_session_attrs=standby", "cannot be written: remove it"),
        ("pgbouncer=true", "has a parameter that is not known here: remove it"),
        ("canary", "has a parameter without a value"),
    ] {
        let ConnectionFault { fault, help } = with(refused).unwrap_err();
        assert!(format!("{fault}: {help}").contains(said), "{refused}: {fault}: {help}");
    }
}

#[test]
fn texts_that_are_no_address_are_refused() {
    for (text, said) in [
        ("", "is no address of PostgreSQL"),
        ("db.example", "is no address of PostgreSQL"),
        ("mysql://canary:canary@db/r", "is no address of PostgreSQL"),
        ("https://db.example/r", "is no address of PostgreSQL"),
        ("postgresql+asyncpg://rw:canary@db/r", "is no address of PostgreSQL"),
        ("jdbc:postgresql://db/r?password=canary", "has something before postgresql://"),
        ("psql 'postgresql://rw:canary@db/r'", "has something before postgresql://"),
        ("DATABASE_URL=postgres://rw:canary@db/r", "has something before postgresql://"),
        ("\"postgresql://rw:canary@db/r\"", "is in quotes"),
        ("postgresql://rw@db", "names no database"),
        ("postgresql://rw@db/", "names no database"),
        ("host=db user=rw", "names no database"),
        ("postgresql://db/r", "names no role"),
        ("postgresql:///r?user=rw", "names no host"),
        ("user=rw dbname=r", "names no host"),
        ("postgresql://rw@/r", "names no host"),
        ("postgresql://rw@a,,b/r", "in place of a host"),
        ("postgresql://rw@a_b c/r", "has a blank"),
        ("postgresql://rw:can@ary@db/r", "has more in it"),
        ("postgresql://rw:can/ary@db/r", "has more in it"),
        ("postgresql://rw:can?ary@db/r", "has more in it"),
        ("postgresql://rw:can#ary@db/r", "has more in it"),
        ("postgresql://rw@db/r/canary", "has more in it"),
        ("postgresql://rw@db:0/r", "has a port"),
        ("postgresql://rw@db:+1/r", "has a port"),
        ("postgresql://rw@db:canary/r", "has a port"),
        ("postgresql://rw@db:65536/r", "has a port"),
        ("postgresql://rw@fe80::1/r", "has a port"),
        ("postgresql://rw@db%FF/r", "is not valid UTF-8"),
        ("host=a,b port=1,2,3 user=rw dbname=r", "more or fewer ports than hosts"),
        ("host=db user=rw dbname=r password='canary", "is no connection string"),
        ("host=db user=rw canary dbname=r", "is no connection string"),
        ("host=db user=rw dbname=r canary", "is no connection string"),
        ("host=db user=rw dbname=r canary=1", "not known here"),
        ("postgresql://${ROLE}@db/r", "has a placeholder like ${NAME}"),
        ("postgresql://rw:$PASSWORD@db/r", "has a placeholder like $NAME"),
        ("postgresql://rw:<password>@db/r", "has a placeholder like <NAME>"),
        ("postgresql://rw@db:${PORT}/r", "has a placeholder like ${NAME}"),
        ("postgresql://rw\u{200b}@db/r", "has an invisible character"),
        ("host=db user=rw dbname='a\nb'", "has an invisible character"),
    ] {
        let fault = parse(text).map(|address| read(&address.to_string())).unwrap_err();
        assert!(fault.fault.contains(said), "{text}: {fault}");
        assert!(!format!("{fault:?}").contains("canary"), "{fault:?}");
    }
}

#[test]
fn passwords_may_look_like_placeholders() {
    for password in ["a$B{c}", "100%25%41", "x<y>z"] {
        assert!(parse(&format!("postgresql://rw:{password}@db/r")).is_ok(), "{password}");
    }
}

#[test]
fn password_is_in_no_text() {
    let address = parse("postgresql://rw:canary@db/r").unwrap();

    assert_eq!(format!("{address} {address:?}"), "database r at db database r at db");
}
