use prost_reflect::FileDescriptor;

/// The comment before what has this path in its file.
pub(super) fn of(file: &FileDescriptor, path: &[i32]) -> Option<String> {
    let locations = &file.file_descriptor_proto().source_code_info.as_ref()?.location;
    let location = locations.iter().find(|location| location.path == path)?;
    let before = location.leading_comments.as_deref().filter(|text| !text.trim().is_empty());
    let text = before.or(location.trailing_comments.as_deref())?;
    let lines: Vec<_> = text.lines().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    let text = lines.join("\n").trim().to_owned();
    Some(text).filter(|text| !text.is_empty())
}
