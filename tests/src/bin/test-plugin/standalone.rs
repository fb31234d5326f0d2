use std::{fs, io::Write as _, path::Path};

use rpcplugin::{
    Server,
    server::{ListenOn, Signals},
    tls::{CustomTls, Identity, Roots},
};

/// Serves on a port of loopback until SIGTERM, with `identity.pem` of this directory, for whom
/// `roots.pem` stands for. The address goes to stdout when it is ready.
pub(crate) async fn serve(server: Server, directory: &Path) -> anyhow::Result<()> {
    let identity = fs::read(directory.join("identity.pem"))?;
    let identity = Identity::from_pem(&identity, &identity)?;
    let roots = Roots::from_pem(&fs::read(directory.join("roots.pem"))?)?;
    let handle = server.handle();
    let tell = async move || {
        let address = handle.address().expect("it is ready");
        let mut stdout = std::io::stdout();
        writeln!(stdout, "{address}").and_then(|()| stdout.flush()).expect("somebody listens");
    };
    server
        .custom_tls(CustomTls::new(identity, roots))
        .signals(Signals::Handle)
        .on_ready(tell)
        .standalone(ListenOn::Tcp(([127, 0, 0, 1], 0).into()))
        .await?;
    Ok(())
}
