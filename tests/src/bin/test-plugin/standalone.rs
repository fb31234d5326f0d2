use std::{fs, io::Write as _, path::Path, time::Duration};

use rpcplugin::{
    Server,
    server::{ListenOn, Signals},
    tls::{CertDirectory, CertEvent, CustomTls, Identity, Roots},
};

/// Serves on a port of loopback until SIGTERM, with `identity.pem` of this directory, for whom
/// `roots.pem` stands for. The address goes to stdout when it is ready.
pub(crate) async fn serve(server: Server, directory: &Path) -> anyhow::Result<()> {
    let identity = fs::read(directory.join("identity.pem"))?;
    let identity = Identity::from_pem(&identity, &identity)?;
    let roots = Roots::from_pem(&fs::read(directory.join("roots.pem"))?)?;
    listen(server, CustomTls::new(identity, roots)).await
}

/// The same with the `server` of a directory of certificates, which may change. What the manager
/// of the certificates tells follows the address, one line for each event.
pub(crate) async fn rotate(server: Server, directory: &Path) -> anyhow::Result<()> {
    let manager = CertDirectory::new(directory)?
        .manage_server()
        .poll(Duration::from_millis(20))
        .overlap(Duration::from_secs(1))
        .start()
        .await?;
    let mut events = manager.subscribe();
    let telling = tokio::spawn(async move {
        while let Ok(event) = events.recv().await {
            say(&match event {
                CertEvent::Reloaded { fingerprint, .. } => format!("reloaded {fingerprint}"),
                CertEvent::OverlapEnded => "overlap ended".to_owned(),
                other => format!("{other:?}"),
            });
        }
    });
    let served = listen(server, CustomTls::managed(&manager)).await;
    telling.abort();
    served
}

fn say(line: &str) {
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{line}").and_then(|()| stdout.flush()).expect("somebody listens");
}

async fn listen(server: Server, tls: CustomTls) -> anyhow::Result<()> {
    let handle = server.handle();
    server
        .custom_tls(tls)
        .signals(Signals::Handle)
        .on_ready(async move || say(&handle.address().expect("it is ready").to_string()))
        .standalone(ListenOn::Tcp(([127, 0, 0, 1], 0).into()))
        .await?;
    Ok(())
}
