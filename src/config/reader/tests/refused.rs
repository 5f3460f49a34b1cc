//! A table of bad values, each with the line of its problem and a part of the message.

use super::read;

const CASES: &[(&str, usize, &str)] = &[
    ("jobs = 'a'", 1, "must be an array, found a string"),
    ("jobs = [1]", 1, "must be a string or a table, found an integer"),
    ("jobs = ['']", 1, "cannot be empty"),
    ("jobs = ['a b']", 1, "no spaces"),
    ("jobs = ['..']", 1, "not restore job ids"),
    ("jobs = ['a', 'a']", 1, "listed twice"),
    ("jobs = ['null']", 1, "for a value that it does not have"),
    ("jobs = ['\"a\"']", 1, "not in quotes"),
    ("jobs = ['a,b']", 1, "has no `,`"),
    ("jobs = [\"a\\u200b\"]", 1, "U+200B (zero width space)"),
    ("jobs = ['${JOB}']", 1, "no placeholder like ${NAME}"),
    ("jobs = ['$JOB']", 1, "no placeholder like $NAME"),
    ("jobs = ['{{ .Values.job }}']", 1, "no placeholder like {{ NAME }}"),
    ("jobs = [{ id = '<JOB_ID>' }]", 1, "no placeholder like <NAME>"),
    ("jobs = [{ id = 'a', name = '${NAME} nightly' }]", 1, "`name` has a placeholder like ${NAME}"),
    (
        "jobs = ['670e8400-e29b-41d4-a716-446655440001', '670E8400-E29B-41D4-A716-446655440001']",
        1,
        "listed twice",
    ),
    (
        "jobs = ['a']\n[api]\nendpoint = '${HOST}'",
        3,
        "it has a placeholder like ${NAME}, which is not replaced",
    ),
    ("jobs = ['a']\n[api]\nendpoint = 'https://$HOST/x'", 3, "it has a placeholder like $NAME"),
    ("jobs = ['a']\n[api]\nversion = '${VERSION}'", 3, "not a version"),
    ("jobs = ['a']\n[api]\nca_file = '${CA_DIR}/ca.pem'", 3, "`ca_file` has a placeholder like ${NAME}"),
    ("jobs = ['a']\n[state]\npath = '$HOME/state.db'", 3, "`path` has a placeholder like $NAME"),
    ("jobs = ['a']\n[state]\npath = '%APPDATA%/state.db'", 3, "`path` has a placeholder like %NAME%"),
    ("jobs = ['a']\n[state]\npath = '~bob/state.db'", 3, "starts with `~`"),
    ("jobs = ['a']\n[state]\npath = '%S/state.db'", 3, "a specifier of systemd"),
    ("jobs = ['a']\n[state]\npath = 'file:///var/state.db'", 3, "is an address"),
    ("jobs = ['a']\n[state]\npath = \"'/var/state.db'\"", 3, "is in quotes twice"),
    ("jobs = ['a']\n[state]\npath = \"/var/state\\u200b.db\"", 3, "has an invisible character"),
    ("jobs = ['a']\n[api]\nendpoint = \"https://a.example\\ufeff\"", 3, "it has an invisible character"),
    ("jobs = ['a']\n[watch]\nslow_after = '${SLOW}'", 3, "`slow_after` cannot be"),
    ("jobs = ['a']\n[heartbeat]\nurl = 'https://a.example/${ID}'", 3, "`url` has a placeholder like ${NAME}"),
    ("discover = { indexes = ['${INDEX}'] }", 1, "has '$' in it"),
    ("[[project]]\nname = '${A}'\njobs = ['a']", 2, "`name` has a placeholder like ${NAME}"),
    (
        "[[project]]\nname = 'x'\njobs = ['a']\napi_key = { file = '$HOME/key' }",
        4,
        "`file` has a placeholder",
    ),
    ("[[project]]\nname = 'x'\njobs = ['a']\napi_key = { credential = '${A}' }", 4, "not the name of a cred"),
    ("[[project]]\nname = 'x'\njobs = ['a']\napi_key = '${A}'", 4, "must not hold the secret itself"),
    ("jobs = [{ name = 'x' }]", 1, "a job without an id"),
    ("jobs = [{ id = 'a', name = '' }]", 1, "`name` is empty"),
    ("jobs = [{ id = 'a', deadline = '0s' }]", 1, "`deadline` is `0s`"),
    ("jobs = [{ id = 'a', deadline = '400d' }]", 1, "too long"),
    ("jobs = [{ id = 'a', until = 'redy' }]", 1, "`until` cannot be `redy`"),
    ("jobs = ['a']\n[[api]]", 2, "`api` must be a table, found an array"),
    ("jobs = ['a']\n[api]\nendpoint = 'http://10.0.0.1'", 3, "plain http would send the API key"),
    ("jobs = ['a']\n[api]\nendpoint = 'ftp://x'", 3, "the scheme `ftp` is not supported"),
    ("jobs = ['a']\n[api]\nendpoint = ''", 3, "not a URL"),
    ("jobs = ['a']\n[api]\nendpoint = 'https://x/?a'", 3, "query"),
    ("jobs = ['a']\n[api]\nversion = '2026-13'", 3, "not a version"),
    ("jobs = ['a']\n[api]\nversion = '1999-01'", 3, "not a version"),
    ("jobs = ['a']\n[api]\nversion = '2026-4é'", 3, "not a version"),
    ("jobs = ['a']\n[api]\nversion = 2026-04-01", 3, "must be a string, found a date"),
    ("jobs = ['a']\n[api]\nrequests_per_second = 0", 3, "is `0`"),
    ("jobs = ['a']\n[api]\nrequests_per_second = -1.5", 3, "is `-1.5`"),
    ("jobs = ['a']\n[api]\nrequests_per_second = nan", 3, "is `nan`"),
    ("jobs = ['a']\n[api]\nrequests_per_second = inf", 3, "is `inf`"),
    ("jobs = ['a']\n[api]\nrequests_per_second = 1e9", 3, "is `1e9`"),
    ("jobs = ['a']\n[api]\nrequests_per_second = '2'", 3, "must be a number"),
    ("jobs = ['a']\n[api]\nburst = -1", 3, "is `-1`"),
    ("jobs = ['a']\n[api]\nburst = 1001", 3, "is `1001`"),
    ("jobs = ['a']\n[api]\nburst = 99999999999999999999", 3, "is `99999999999999999999`"),
    ("jobs = ['a']\n[api]\nburst = 1.5", 3, "whole number, found a float"),
    ("jobs = ['a']\n[api]\nrequest_timeout = '99ms'", 3, "is `99ms`"),
    ("jobs = ['a']\n[api]\nrequest_timeout = '-1s'", 3, "not a duration"),
    ("jobs = ['a']\n[api]\nrequest_timeout = '6m'", 3, "is `6m`"),
    ("jobs = ['a']\n[api]\nrequest_timeout = 90", 3, "must be a duration, found an integer"),
    ("jobs = ['a']\n[api]\nallow_http = 'true'", 3, "must be true or false"),
    ("jobs = ['a']\n[api]\nca_file = ''", 3, "is empty"),
    ("jobs = ['a']\n[api]\nca_file = '~/ca.pem'", 3, "starts with `~`"),
    ("jobs = ['a']\n[cadence]\nmin_interval = '1ms'", 3, "is `1ms`"),
    ("jobs = ['a']\n[cadence]\nmax_interval = '2d'", 3, "is `2d`"),
    ("jobs = ['a']\n[cadence]\nmax_interval = '20ms'", 3, "longer than `max_interval` (20ms)"),
    ("jobs = ['a']\n[cadence]\nmin_interval = '2m'", 3, "(1m, the default)"),
    ("jobs = ['a']\n[watch]\nuntil = 'done'", 3, "`until` cannot be `done`"),
    ("jobs = ['a']\n[watch]\nnot_found_grace = '366d'", 3, "too long"),
    ("jobs = ['a']\n[watch]\nslow_after = 'p100'", 3, "`slow_after` cannot be `p100`"),
    ("jobs = ['a']\n[watch]\nslow_after = '0s'", 3, "`slow_after` cannot be `0s`"),
    ("jobs = ['a']\n[watch]\nslow_after = '95%'", 3, "`slow_after` cannot be `95%`"),
    ("jobs = ['a']\n[watch]\nslow_after = 0.95", 3, "must be a time or a part of the past restores"),
    ("jobs = ['a']\n[watch]\nunauthorized_grace = '10m'", 3, "`unauthorized_grace` is `10m`"),
    ("jobs = ['a']\n[cadence]\neffort = 'low'", 3, "`effort` cannot be `low`"),
    ("jobs = ['a']\n[cadence]\neffort = 1", 3, "must be \"gentle\" or \"balanced\" or \"eager\""),
    ("discover = false", 1, "no jobs to watch"),
    ("discover = 'all'", 1, "must be true, false or a table"),
    ("discovr = true", 1, "unknown key `discovr`"),
    ("discover = { index = ['a'] }", 1, "unknown key `index`"),
    ("discover = { max_jobs = 0 }", 1, "`max_jobs` is `0`"),
    ("discover = { indexes = [] }", 1, "`indexes` is empty"),
    ("discover = { indexes = 'a' }", 1, "`indexes` must be an array"),
    ("discover = { indexes = [''] }", 1, "an entry of `indexes` is empty"),
    ("discover = { exclude = ['a b'] }", 1, "an entry of `exclude` has ' ' in it"),
    ("discover = true\n[[project]]\nname = 'default'\ndiscover = false", 4, "a second `discover`"),
    ("[[project]]\nname = 'x'\ndiscover = false", 1, "the project `x` has no jobs"),
    ("[[project]]\njobs = ['a']", 1, "a project without a name"),
    ("[[project]]\nname = ' '\njobs = ['a']", 2, "`name` is empty"),
    ("[[project]]\nname = \"a\\nb\"\njobs = ['a']", 2, "line break"),
    ("[[project]]\nname = 'x'", 1, "the project `x` has no jobs"),
    ("jobs = ['a']\n[heartbeat]", 2, "a heartbeat without a url"),
    ("jobs = ['a']\n[http]\nlisten = 9115", 3, "must be a string or an array, found an integer"),
    ("jobs = ['a']\n[http]\nlisten = ':9115'", 3, "`listen` names no host"),
    ("jobs = ['a']\n[http]\nlisten = '${ADDRESS}'", 3, "`listen` is no address to listen at"),
    ("jobs = ['a']\n[http]\nlisten = 'unix:$DIR/http.sock'", 3, "`listen` has a placeholder like $NAME"),
    ("jobs = ['a']\n[http]\nlisten = '0.0.0.0:9115'", 3, "`listen` is `0.0.0.0:9115`, which other machines"),
    (
        "jobs = ['a']\n[http]\nlisten = ['127.0.0.1:1', '[::]:9115']",
        3,
        "an entry of `listen` is `[::]:9115`, which other machines",
    ),
    ("jobs = ['a']\n[http]\nlisten = ['127.0.0.1:1', '127.0.0.1:1']", 3, "is there twice"),
    ("jobs = ['a']\n[http]\nlisten = ['127.0.0.1:1', '[::ffff:127.0.0.1]:1']", 3, "is there twice"),
    ("jobs = ['a']\n[http]\ntoken = 'a-secret-that-is-long'", 3, "`token` must not hold the secret itself"),
    ("jobs = ['a']\n[http]\nhosts = 'a.example'", 3, "must be an array"),
    ("jobs = ['a']\n[http]\nhosts = ['https://a.example']", 3, "is not the name of a host"),
    ("jobs = ['a']\n[http]\nhosts = ['*.example']", 3, "is not the name of a host"),
    ("jobs = ['a']\n[http]\nport = 9115", 3, "unknown key `port`"),
    ("jobs = ['a']\n[heartbeat]\nurl = 'http://10.0.0.1/x'", 3, "plain http"),
    ("jobs = ['a']\n[heartbeat]\nurl = 'https://a.example'\ninterval = '2d'", 4, "`interval`"),
    ("jobs = ['a']\ndrain_timeout = '2h'", 2, "`drain_timeout`"),
    ("jobs = ['a']\n[state]\ndrain_timeout = '2s'", 3, "unknown key `drain_timeout`"),
    ("[project]\nname = 'x'", 1, "`project` must be an array, found a table"),
    ("[[project]]\nname = 'x'\njobs = ['a']\napi_key = {}", 4, "names no source"),
    ("[[project]]\nname = 'x'\njobs = ['a']\napi_key = { env = 'A', file = 'b' }", 4, "names 2 sources"),
    ("[[project]]\nname = 'x'\njobs = ['a']\napi_key = { env = '$A' }", 4, "not the name of an environment"),
    ("[[project]]\nname = 'x'\njobs = ['a']\napi_key = { env = '' }", 4, "not the name of an environment"),
    ("[[project]]\nname = 'x'\njobs = ['a']\napi_key = { credential = 'a/b' }", 4, "not the name of a cred"),
    ("[[project]]\nname = 'x'\njobs = ['a']\nendpoint = 'y'", 4, "unknown key `endpoint`"),
    (
        "jobs = ['a']\n[cadence]\nmin_interval = '30s'\n[[project]]\nname = 'default'\n[project.cadence]\nmax_interval = '20s'",
        7,
        "`min_interval` (30s) is longer than `max_interval` (20s)",
    ),
    (
        "jobs = ['a']\n[api]\nendpoint = 'http://10.0.0.1'\nallow_http = true\n[[project]]\nname = 'default'\napi.allow_http = false",
        3,
        "plain http",
    ),
    ("jobs = ['a']\n[[project]]\nname = 'default'\njobs = ['a']", 4, "listed twice"),
    ("jobs = ['a']\n[[sink]]", 2, "a sink without a type"),
    ("jobs = ['a']\n[[sink]]\ntpye = 'log'", 3, "unknown key `tpye`"),
    ("jobs = ['a']\n[[sink]]\ntype = 'webhook'\nurll = 'x'", 4, "unknown key `urll`"),
    ("project = []", 1, "no jobs to watch"),
    ("job = ['a']", 1, "unknown key `job`"),
    ("[[projects]]\nname = 'x'", 1, "unknown key `projects`"),
    ("[[project]]\nnmae = 'x'\njobs = ['a']", 2, "unknown key `nmae`"),
    ("[[project]]\nname = 'x'\njob = ['a']", 3, "unknown key `job`"),
    ("jobs = [{ ids = 'a' }]", 1, "unknown key `ids`"),
    ("jobs = ['a']\n[[sink]]\ntype = 'webhok'\nurl = 1", 3, "`type` cannot be `webhok`"),
    ("jobs = ['a']\n[[sink]]\ntype = 'webhook'", 2, "a webhook without a url"),
    (
        "jobs = ['a']\n[[sink]]\ntype = 'webhook'\nformat = 'pagerduty'",
        2,
        "a webhook for PagerDuty without a routing_key",
    ),
    ("jobs = ['a']\n[[sink]]\ntype = 'log'\nurl = 'https://x'", 4, "unknown key `url`"),
    ("jobs = ['a']\n[[sink]]\ntype = 'log'\nformat = 'xml'", 4, "`format` cannot be `xml`"),
    ("jobs = ['a']\n[[sink]]\ntype = 'log'\nevents = '*'", 4, "must be an array, found a string"),
    ("jobs = ['a']\n[[sink]]\ntype = 'desktop'\nevents = []", 4, "is empty"),
    ("jobs = ['a']\n[[sink]]\ntype = 'log'\nevents = ['restore_job.fail*']", 4, "unknown event"),
    ("jobs = ['a']\n[[sink]]\ntype = 'log'\nlevels.restore_job.failed = 'error'", 4, "no event by itself"),
    (
        "jobs = ['a']\n[[sink]]\ntype = 'log'\nlevels = { 'restore_job.failed' = 'fatal' }",
        4,
        "cannot be `fatal`",
    ),
    ("jobs = ['a']\n[[sink]]\ntype = 'desktop'\nformat = 'json'", 4, "unknown key `format`"),
    ("jobs = ['a']\n[[sink]]\ntype = 'webhook'\nurl = 'http://x.example'", 4, "plain http"),
    ("jobs = ['a']\n[[sink]]\ntype = 'webhook'\nurl = 'mailto:x'", 4, "neither https nor http"),
    ("jobs = ['a']\n[[sink]]\ntype = 'webhook'\nurl = 5", 4, "must be a string or a table"),
    ("jobs = ['a']\nsink = []", 2, "`sink` is empty"),
    ("jobs = ['a']\nstate = 'x'", 2, "`state` must be a table"),
    ("jobs = ['a']\n[state]\nkepe = '1d'", 3, "unknown key `kepe`"),
    ("jobs = ['a']\n[api]\nkeep = '1d'", 3, "unknown key `keep`"),
    ("jobs = ['a']\n[state]\npath = ''", 3, "`path` is empty"),
    ("jobs = ['a']\n[state]\npath = '~/state.db'", 3, "starts with `~`"),
    ("jobs = ['a']\n[state]\npath = 1", 3, "must be a string"),
    ("jobs = ['a']\n[state]\nkeep = '59m'", 3, "`keep` is `59m`"),
    ("jobs = ['a']\n[state]\nkeep = '366d'", 3, "too long"),
    ("jobs = ['a']\n[state]\nkeep = 30", 3, "must be a duration"),
];

/// Keys that only a webhook has, below a valid address.
const WEBHOOK_CASES: &[(&str, &str)] = &[
    ("format = 'xml'", "`format` cannot be `xml`"),
    ("format = 'slak'", "`format` cannot be `slak`"),
    ("format = 5", "found an integer"),
    ("block_private = 'yes'", "must be true or false"),
    ("block_privat = true", "unknown key `block_privat`"),
    ("retry_schedule = '5s'", "must be an array"),
    ("retry_schedule = []", "`retry_schedule` is empty"),
    ("retry_schedule = ['5s', 5]", "an entry of `retry_schedule` must be a duration"),
    ("retry_schedule = ['9ms']", "an entry of `retry_schedule` is `9ms`"),
    ("retry_schedule = ['7d1s']", "an entry of `retry_schedule` is `7d1s`"),
    ("retry_schedules = ['7d']", "unknown key `retry_schedules`"),
    ("signing_secret = 5", "must be a table"),
    ("signing_secret = 'whsec_a'", "must not hold the secret itself"),
    ("signing_secret = {}", "names no source"),
    ("signing_secret = []", "`signing_secret` is empty"),
    ("signing_secret = ['whsec_a']", "an entry of `signing_secret` must not hold the secret itself"),
    ("signing_secret = [[]]", "an entry of `signing_secret` must be a table"),
    ("signing_secret = [{ env = 'A' }, {}]", "an entry of `signing_secret` names no source"),
    ("signing_secret = [{ env = 'A' }, { env = 'B' }, { env = 'A' }]", "is there twice"),
    ("signing_secret = { file = 'whsec_a' }", "must not hold the secret itself"),
    ("signing_secret = { credential = 'whsec_a' }", "must not hold the secret itself"),
    ("headers = {}", "`headers` is empty"),
    ("headers = { Content-Encoding = 'gzip' }", "describes the body"),
    ("headers = { X-Pass = 'hunter2hunter' }", "must not hold the secret itself"),
    ("headers = { X-Team = 'ghp_0123456789ab' }", "must not hold the secret itself"),
    ("headers = 5", "`headers` must be a table"),
    ("headers = { X-Team = 5 }", "the header `X-Team` must be a string or a table"),
    ("headers = { X-Team = '' }", "the header `X-Team` is empty"),
    ("headers = { X-Team = \"a\\nb\" }", "has a line break"),
    ("headers = { X-Team = \"a\\u0007\" }", "has a control character"),
    ("headers = { X-Team = 'Zürich' }", "has characters that are not ASCII"),
    ("headers = { X-Team = ' a' }", "begins or ends with a blank"),
    ("headers = { X-Team = '${TEAM}' }", "has a placeholder like ${NAME}"),
    ("headers = { 'X Team' = 'a' }", "the header `X Team` has a character that no name of a header may have"),
    ("headers = { 'X-Team:' = 'a' }", "has a colon in its name"),
    ("headers = { X-Team = 'a', x-team = 'b' }", "is there twice"),
    ("headers = { X-Team = {} }", "the header `X-Team` names no source"),
    ("headers = { Authorization = 'a' }", "must not hold the secret itself"),
    ("headers = { X-Api-Key = 'a' }", "must not hold the secret itself"),
    ("headers = { X-Auth = 'a' }", "must not hold the secret itself"),
    ("headers = { Private-Token = 'a' }", "must not hold the secret itself"),
    ("headers = { X-Team = 'Bearer a' }", "must not hold the secret itself"),
    ("headers = { Host = 'a' }", "is the host of the `url`"),
    ("headers = { content-type = 'text/plain' }", "is set by the `format`"),
    ("headers = { Content-Length = '1' }", "says how the body is sent"),
    ("headers = { Transfer-Encoding = 'chunked' }", "says how the body is sent"),
    ("headers = { Expect = '100-continue' }", "says how the body is sent"),
    ("headers = { Connection = 'close' }", "is about the connection"),
    ("headers = { Proxy-Authorization = { env = 'A' } }", "is for a proxy"),
    ("headers = { webhook-id = 'a' }", "is set for each delivery"),
    ("headers = { Accept-Encoding = 'gzip' }", "compress its answers"),
    ("headers = { Title = 'a' }\nformat = 'ntfy'", "is set by the `format`"),
    ("bearer = 'a'", "`bearer` must not hold the secret itself"),
    ("basic = 'a'", "`basic` must be a table"),
    ("basic = { user = 'a' }", "`basic` without a `password`"),
    ("basic = { password = { env = 'A' } }", "`basic` without a `user`"),
    ("basic = { user = 'a:b', password = { env = 'A' } }", "`user` has a colon"),
    ("basic = { user = 'a', password = 'b' }", "`password` must not hold the secret itself"),
    ("basic = { user = 'a', password = { env = 'B' } }\nbearer = { env = 'A' }", "is a second authorization"),
    (
        "bearer = { env = 'A' }\nheaders = { authorization = { env = 'B' } }",
        "`bearer` is a second authorization",
    ),
    ("ca_file = '~/ca.pem'", "starts with `~`"),
    ("client_cert = 5", "must be a string or a table"),
    ("client_cert = '-----BEGIN CERTIFICATE-----'", "is the content of a PEM file"),
    ("client_cert = { cert = 'a.pem' }", "`client_cert` without a `key`"),
    ("client_cert = { key = 'a.pem' }", "`client_cert` without a `cert`"),
    ("client_cert = { cert = 'a.pem', key = 5 }", "`key` must be a string or a table"),
    ("client_cert = { cert = 'a.pem', key = '-----BEGIN PRIVATE KEY-----' }", "is the content of a PEM file"),
    ("proxy = 5", "must be a string or a table"),
    ("proxy = 'nonsense://a'", "does not begin with a known scheme"),
    ("proxy = 'http://a:0'", "is no address of a proxy"),
    ("proxy = 'http://user:a@b:1'", "must not hold the password itself"),
    ("proxy = 'http://a:1'\nblock_private = true", "`proxy` is there beside `block_private`"),
];

/// Keys that only a sink of type `exec` has.
const EXEC_CASES: &[(&str, &str)] = &[
    ("command = '/usr/bin/true'", "`command` must be an array, found a string"),
    ("command = []", "`command` is empty"),
    ("command = ['']", "an entry of `command` is empty"),
    ("command = [5]", "an entry of `command` must be a string"),
    ("command = ['true', 5]", "an entry of `command` must be a string"),
    ("command = ['systemctl start a']", "has the arguments in it"),
    ("command = ['cat | logger']", "is a command of a shell"),
    ("command = ['/bin/a && /bin/b']", "is a command of a shell"),
    ("command = ['$(which true)']", "is a command of a shell"),
    ("command = ['~/bin/a']", "starts with `~`"),
    ("command = ['$HOOK']", "has a placeholder like $NAME"),
    ("command = ['{{ hook }}']", "has a placeholder like {{ NAME }}"),
    ("command = [\"/bin/a\\u0000\"]", "has a NUL character"),
    ("command = ['a', '|', 'logger']", "which only a shell understands"),
    ("command = ['mail', '-s', '$RESTORE_WATCH_SUMMARY']", "is a placeholder like $NAME"),
    ("command = ['mail', '-s', '{{ summary }}']", "is a placeholder like {{ NAME }}"),
    ("command = [\"a\", \"\\u0000\"]", "has a NUL character"),
    ("comand = ['a']", "unknown key `comand`"),
    ("command = ['a']\ntimeout = '2m'", "`timeout` is `2m`"),
    ("command = ['a']\nretry = 'no'", "must be true or false"),
    ("command = ['a']\nretry_schedule = []", "`retry_schedule` is empty"),
    ("command = ['a']\nurl = 'https://x.example'", "unknown key `url`"),
];

/// Addresses in the file that `block_private` refuses.
const PRIVATE: &[&str] = &[
    "https://127.0.0.1/hook",
    "https://10.0.0.1",
    "https://169.254.169.254/latest/",
    "https://2130706433/",
    "https://0x7f.1/",
    "https://[::1]:8443/",
    "https://[fe80::1]/",
    "https://[::ffff:192.168.0.1]/",
    "http://127.0.0.1:8080/",
];

#[test]
fn bad_value_is_one_problem() {
    let webhook = |rest: &str| format!("jobs = ['a']\n[[sink]]\ntype = 'webhook'\n{rest}");
    let webhooks = WEBHOOK_CASES
        .iter()
        .map(|(text, part)| (webhook(&format!("url = 'https://hooks.example'\n{text}")), 5, *part));
    let exec = EXEC_CASES.iter().map(|(text, part)| {
        (format!("jobs = ['a']\n[[sink]]\ntype = 'exec'\n{text}"), 3 + text.lines().count(), *part)
    });
    let private = PRIVATE.iter().map(|url| {
        let text = webhook(&format!("block_private = true\nurl = '{url}'"));
        (text, 5, "`url` leads to the private address")
    });
    let cases = CASES.iter().map(|(text, line, part)| ((*text).to_owned(), *line, *part));
    for (text, line, part) in cases.chain(webhooks).chain(exec).chain(private) {
        let Err(problems) = read(&text) else { panic!("accepted:\n{text}") };
        let found: Vec<_> = problems.iter().collect();
        assert_eq!(found.len(), 1, "one mistake, one problem:\n{text}\n\n{problems}");
        assert_eq!(found[0].line(), Some(line), "{problems}");
        assert!(found[0].message().contains(part), "{part}\n{problems}");
        let says_what_to_do = found[0].help().is_some() || found[0].message().contains("must be");
        assert!(says_what_to_do, "{problems}");
    }
}

#[test]
fn texts_that_only_look_wrong_are_accepted() {
    for text in [
        "jobs = [{ id = 'a$b', name = 'costs $5 <nightly> 100% {x} $HOME' }]",
        "jobs = [\"it's\", 'a/b?c=d%']\n[state]\npath = '/srv/a$b/~c/%x/100%.db'",
        "jobs = ['a']\n[state]\npath = '~state.db'",
        "jobs = ['a']\n[state]\npath = \"/home/a\\u200cb/state.db\"",
        "jobs = ['a']\n[[sink]]\ntype = 'webhook'\nurl = 'https://a.example/x%20y?sp=%2Fa%2Fb&$top=1'",
    ] {
        assert!(read(text).is_ok(), "{text}\n{:?}", read(text));
    }
}

#[test]
fn keys_that_exclude_the_address_show_both_places() {
    for (address, text, message, note) in [
        (
            "https://user:canary@hooks.example",
            "bearer = { env = 'A' }",
            "`bearer` is a second authorization",
            "the first is a user name or a password in `url`, on line 4",
        ),
        ("http://127.0.0.1", "ca_file = 'a'", "`ca_file` is for https", "the `url` is plain http, on line 4"),
        ("http://127.0.0.1", "client_cert = 'a'", "`client_cert` is for https", "plain http, on line 4"),
    ] {
        let text = format!("jobs = ['a']\n[[sink]]\ntype = 'webhook'\nurl = '{address}'\n{text}");
        let problems = read(&text).unwrap_err();

        let shown = problems.to_string();
        assert_eq!(problems.iter().count(), 1, "{shown}");
        assert!(shown.contains(message) && shown.contains(note) && !shown.contains("canary"), "{shown}");
    }
}

#[test]
fn more_than_32_headers_are_refused() {
    let with = |count: usize| {
        let headers: Vec<_> = (0..count).map(|number| format!("X-{number} = 'a'")).collect();
        let headers = headers.join(", ");
        read(&format!(
            "jobs = ['a']\n[[sink]]\ntype = 'webhook'\nurl = 'https://x'\nheaders = {{ {headers} }}"
        ))
    };

    assert!(with(32).is_ok());
    assert!(with(33).unwrap_err().to_string().contains("has 33 entries; at most 32 are accepted"));
}

#[test]
fn arrays_have_a_maximum_length() {
    let many = |count: usize, entry: &dyn Fn(usize) -> String| {
        let entries: Vec<_> = (0..count).map(entry).collect();
        entries.join(", ")
    };
    let read = |key: &str, entries: String| {
        read(&format!("jobs = ['a']\n[[sink]]\ntype = 'webhook'\nurl = 'https://x'\n{key} = [{entries}]"))
    };
    let secret: &dyn Fn(usize) -> String = &|n| format!("{{ env = 'SECRET_{n}' }}");
    let wait: &dyn Fn(usize) -> String = &|_| "'1s'".to_owned();
    for (key, most, entry) in [("signing_secret", 10, secret), ("retry_schedule", 50, wait)] {
        assert!(read(key, many(most, entry)).is_ok(), "{key}");
        let problems = read(key, many(most + 1, entry)).unwrap_err().to_string();
        assert!(problems.contains(&format!("`{key}` has {} entries", most + 1)), "{problems}");
        assert!(problems.contains("config.toml:5:18") && problems.ends_with("config.toml"), "{problems}");
    }
}
