/*
 * Part of the static program: looks up names in files and by DNS alone.
 *
 * A glibc that is linked statically loads the other services of /etc/nsswitch.conf (resolve,
 * myhostname, mdns4_minimal, systemd) as shared libraries of the system, and with them the glibc of
 * the system. If that is another version, the process dies: an assertion on Debian 11, a floating
 * point exception on Debian 13. `files` and `dns` are built in.
 */

int __nss_configure_lookup(const char *database, const char *services);

__attribute__((constructor)) static void look_up_without_shared_libraries(void)
{
	__nss_configure_lookup("hosts", "files dns");
	__nss_configure_lookup("networks", "files dns");
	__nss_configure_lookup("passwd", "files");
	__nss_configure_lookup("group", "files");
	__nss_configure_lookup("services", "files");
	__nss_configure_lookup("protocols", "files");
}
