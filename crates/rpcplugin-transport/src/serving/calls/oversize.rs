use http::{HeaderMap, HeaderValue, header::HeaderName};

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// tonic calls a message over its own limit OUT_OF_RANGE (11); every other gRPC library, and the
/// protocol, call it RESOURCE_EXHAUSTED (8). Only tonic's own words are rewritten: the same status
/// from a handler stays as it is.
pub(super) fn rewrite(headers: &mut HeaderMap) {
    if headers.get(STATUS).is_none_or(|status| status != "11") {
        return;
    }
    let message = headers.get(MESSAGE).map(HeaderValue::as_bytes).unwrap_or_default();
    let tonics =
        [&b"Error,%20decoded%20message%20length%20too%20large"[..], b"Error,%20encoded%20"]
            .iter()
            .any(|start| message.starts_with(start));
    if tonics {
        headers.insert(STATUS, HeaderValue::from_static("8"));
    }
}

#[cfg(test)]
mod tests {
    use tonic::Status;

    use super::*;

    #[track_caller]
    fn check(status: Status, expected: &str) {
        let mut headers = HeaderMap::new();
        status.add_header(&mut headers).unwrap();
        rewrite(&mut headers);
        assert_eq!(headers[STATUS], expected, "{status:?}");
    }

    #[test]
    fn only_tonics_own_size_check_is_rewritten() {
        check(
            Status::out_of_range(
                "Error, decoded message length too large: found 5 bytes, the limit is: 4 bytes",
            ),
            "8",
        );
        check(
            Status::out_of_range(
                "Error, encoded message length too large: found 5 bytes, the limit is: 4 bytes",
            ),
            "8",
        );
        check(Status::out_of_range("no such page"), "11");
        check(Status::not_found("Error, decoded message length too large"), "5");
    }
}
