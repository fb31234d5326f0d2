super::rows! { Security:
    "SECURITY_TLS_REQUIRED", No,
    meaning: "TLS is demanded (by the plugin, or because bytes leave the machine), and there are no certificates for it.",
    causes: [
        "A plugin with `require_tls()` is started by a host in plaintext, or by hand.",
        "A plugin is to listen, or to be attached to, beyond loopback without TLS.",
        "`PLUGIN_AUTO_MTLS` is off, and no own certificates were given.",
    ],
    remedy: "Use `Tls::Auto` where a host starts the plugin, else `Tls::Custom` on both sides. Without TLS a plugin is reached within one machine only, by `Tls::Plaintext` on the host and without `require_tls()`.";

    "SECURITY_TLS_NOT_BUILT", No,
    meaning: "TLS is demanded of a build without the feature `tls`.",
    causes: [
        "The program was built with `default-features = false`, and leaves `Tls::Auto` as it is.",
        "The host demands TLS of a plugin that was built without it.",
    ],
    remedy: "Enable the feature `tls`, or choose `Tls::Plaintext` on the host on purpose.";

    "SECURITY_CONFIG_CONFLICT", No,
    meaning: "One layer of the configuration demands protection that another drops.",
    causes: [
        "`PLUGIN_INSECURE` is set beside certificates, or beside a program that demands TLS.",
        "A file or the environment turns off what the program has turned on.",
    ],
    remedy: "The message names both, with their sources. Environment and files may raise the protection that the program chose, never lower it: drop one of the two.";

    "SECURITY_CERT_MISSING", No,
    meaning: "The plugin announced no certificate.",
    causes: [
        "The plugin's library does not know automatic mutual TLS, or was built without it.",
        "A wrapper between host and plugin does not pass `PLUGIN_CLIENT_CERT` on.",
    ],
    remedy: "Update the plugin. Choose `Tls::Plaintext` on the host only if you mean it: whoever can reach the socket can then call the plugin.";

    "SECURITY_CERT_INVALID", No,
    meaning: "A certificate or key is unreadable or unsupported, or the two are no pair.",
    causes: [
        "The text is no PEM or DER, holds several certificates, or is cut.",
        "The key is of a kind or size that is not accepted, or belongs to another certificate.",
        "A setting names the file of another one.",
    ],
    remedy: "Give one X.509 certificate with a P-256, P-384, P-521, Ed25519 or RSA key of at least 2048 bits. The message says what failed, and in which source.";

    "SECURITY_CLIENT_CERT_INVALID", No,
    meaning: "In the plugin: the host's certificate is unreadable or unsupported.",
    causes: [
        "`PLUGIN_CLIENT_CERT` is left over from another program, or was set by hand.",
        "The host's certificate has a key that this plugin's library does not accept.",
    ],
    remedy: "The host sets `PLUGIN_CLIENT_CERT` to exactly one PEM certificate. Unset it when starting by hand.";

    "SECURITY_CERT_UNEXPECTED", No,
    meaning: "The plugin announced a certificate to a host that uses plaintext.",
    causes: [
        "The host was set to `Tls::Plaintext`, and the plugin insists on TLS.",
        "The host's environment holds a `PLUGIN_CLIENT_CERT` that reached the plugin.",
    ],
    remedy: "Use `Tls::Auto` on the host.";

    "SECURITY_CERT_UNTRUSTED", No,
    meaning: "Under operator-supplied TLS: the peer's chain leads to no trusted root, or its name is another.",
    causes: [
        "The peer's certificate was issued by another authority, or an intermediate one is missing.",
        "The certificate does not bear the name that is asked for.",
        "It was revoked, or must not be used for this side of a connection.",
    ],
    remedy: "Give the roots that issued it, send the whole chain, and set the server name that the certificate bears. The message has the check that failed.";

    "SECURITY_CERT_EXPIRED", No,
    meaning: "Under operator-supplied TLS: the peer's certificate is outside its validity.",
    causes: [
        "It was not renewed in time, or is not valid yet.",
        "The clock of one of the machines is wrong.",
    ],
    remedy: "Renew the certificate, or set the clock. The message has the time now and the dates.";

    "SECURITY_PIN_MISMATCH", No,
    meaning: "The peer shows another certificate than the announced one.",
    causes: [
        "Another process answers at this address: perhaps an attack, perhaps a socket that was taken over.",
        "The plugin mixed its certificates up.",
    ],
    remedy: "Find out who listens at the address (`ss -lp`), and compare the fingerprints of the message. Start the plugin anew only after that.";

    "SECURITY_BAD_SIGNATURE", No,
    meaning: "The peer does not hold the key of its certificate.",
    causes: [
        "Somebody presents a copy of the certificate without its key.",
        "The plugin loaded a key of another certificate.",
    ],
    remedy: "Treat it as an attempt to take the plugin's place until you know better: find out who listens at the address.";

    "SECURITY_NOT_TLS", No,
    meaning: "The peer speaks plaintext where TLS was agreed on.",
    causes: [
        "The plugin announced a certificate, and serves without it.",
        "Another program answers at the address.",
    ],
    remedy: "Make the plugin serve TLS with the certificate that it announces. The message has the first bytes that came instead.";

    "SECURITY_TLS_HANDSHAKE", No,
    meaning: "The TLS handshake failed in any other way.",
    causes: [
        "The two sides have no version, signature scheme or key exchange in common.",
        "The peer does not offer `h2` by ALPN.",
        "The plugin does not accept the host in time, or with an alert that means nothing more.",
    ],
    remedy: "Both sides need TLS 1.2 or 1.3, a common signature scheme, and ALPN `h2`. The message has the alert.";

    "SECURITY_CLIENT_REFUSED", No,
    meaning: "In the plugin: a peer without the accepted certificate was turned away. In the host: it was we.",
    causes: [
        "A process that did not start the plugin tries to reach it.",
        "The host's identity is another than the one that the plugin was started with, as after reattaching with a new one.",
    ],
    remedy: "Only the host that started the plugin holds the certificate it accepts; hand its identity over with the reattach record. A stranger is worth looking for.";

    "SECURITY_KEYGEN", Yes,
    meaning: "A key or certificate could not be made.",
    causes: [
        "The system has no random numbers yet, shortly after its start or in a narrow sandbox.",
        "The provider of cryptography failed for another reason.",
    ],
    remedy: "Try again; if it stays, let the sandbox allow `getrandom`. The message has the provider's reason.";

    "SECURITY_ROTATION_FAILED", Yes,
    meaning: "A certificate could not be renewed or read again; the one before it stays in use.",
    causes: [
        "The new certificate's file is missing, unreadable, half written, or no pair with its key.",
        "The authority that issues certificates is out of reach, or refuses.",
    ],
    remedy: "Set right what the message says, before the old certificate has expired: the message has the days left.";

    "SECURITY_ADDRESS_FORBIDDEN", No,
    meaning: "The announced address lies outside what the host allows.",
    causes: [
        "The plugin announces an address of another machine, or listens on all interfaces and says so.",
        "A socket lies outside the directory that the host gave, as with libraries that use `/tmp` whatever they are told.",
        "The path leads through a symbolic link.",
    ],
    remedy: "Make the plugin listen on loopback, or in the directory that it is given. `allow_address_outside()` widens that, where you know why.";

    "SECURITY_PEER_CREDENTIALS", No,
    meaning: "The process behind the socket is not the expected one.",
    causes: [
        "Another process listens at the address: it took a port that became free, or squats on the socket.",
        "A wrapper starts the plugin and is no ancestor of it any more, or as another user.",
    ],
    remedy: "The message has the expected and the found user and process. The listener must be the plugin or its descendant, of the same user.";

    "SECURITY_REATTACH_PID_MISMATCH", No,
    meaning: "The process of a reattach record does not own the socket.",
    causes: [
        "The record mixes up two plugins, or was edited.",
        "The plugin's port was taken by another process.",
    ],
    remedy: "Take a new record, or start a new plugin.";

    "SECURITY_REATTACH_STALE", No,
    meaning: "A reattach record is of another process, or of another start of the system.",
    causes: [
        "The plugin has ended, and its process id was given to another process.",
        "The machine was started anew since the record was written.",
    ],
    remedy: "Throw the record away and start a new plugin.";

    "SECURITY_REATTACH_NEEDS_TLS", No,
    meaning: "Reattaching demands TLS, and the record holds no certificate or the host no identity.",
    causes: [
        "The record was written without the plugin's certificate.",
        "The new host does not have the identity of the one that started the plugin.",
    ],
    remedy: "Hand over the host's identity with the record, or choose `Tls::Plaintext` for a plugin without TLS.";

    "SECURITY_CHECKSUM_MISMATCH", No,
    meaning: "The executable is not one of those that may start. It was not started.",
    causes: [
        "The plugin was updated, and the list of digests was not.",
        "The file was changed, or is another one.",
    ],
    remedy: "Install the expected executable, or add its digest to the list after you have made sure where it comes from.";

    "SECURITY_FILE_PERMISSIONS", No,
    meaning: "Others can change the executable, or put another in its place: it was not started. Or others can read a key, or replace it: it was not used.",
    causes: [
        "The file or a directory above it belongs to another user, or is writable by a group or by all.",
        "An executable is reached through a symbolic link, or by a bare name.",
        "A file with a key or a cookie has another mode than 0600 or 0400, or belongs to another user.",
        "Everybody can write to a file that says which authorities are trusted, or others can enter a directory of certificates.",
    ],
    remedy: "Install the executable where only this user or root may write, and name it by its absolute path; `chmod 600` a key. The message has the file, its owner and its mode.";

    "SECURITY_ISOLATION_FAILED", No,
    meaning: "A requested limit or restriction cannot be applied here. The plugin was not started.",
    causes: [
        "The kernel or the container lacks what it takes: Landlock, seccomp, user namespaces, a delegated control group.",
        "A limit is above the hard limit of this process, or needs privileges.",
        "The plugin is started by a runner, which starts no process of this machine.",
    ],
    remedy: "Run where the system supports it, or drop the restriction on purpose. The message names the restriction and what is missing.";
}
