//! The macro that makes a plugin of kinds.

/// Makes a native plugin of the crate: its name, and its kinds, each a type without fields that implements [`crate::Task`].
///
/// ```
/// use sluicegate_plugin::{prelude::*, plugin};
///
/// struct Hello;
///
/// #[derive(Deserialize, JsonSchema)]
/// #[serde(deny_unknown_fields)]
/// struct HelloParams {
///     /// Whom to greet.
///     name: String,
/// }
///
/// impl Task for Hello {
///     type Params = HelloParams;
///
///     fn describe(&self) -> Description {
///         Description::new("acme.hello", "1", "Greets somebody.")
///             .output(Port::new("greeting", PortType::Value, "what was said"))
///     }
///
///     fn run(&self, ctx: &Context, params: HelloParams) -> Result<(), TaskError> {
///         ctx.write_value("greeting", format!("hello {}", params.name).into())
///     }
/// }
///
/// plugin!("acme", Hello);
/// # fn main() {}
/// ```
///
/// The crate's type is `cdylib`, and it unwinds: with `panic = "abort"` it does not compile.
#[macro_export]
macro_rules! plugin {
    ($name:literal, $($kind:path),+ $(,)?) => {
        #[cfg(panic = "abort")]
        compile_error!("a plugin must unwind, so that a panic is a failed attempt: remove `panic = \"abort\"`");

        #[allow(unsafe_code)]
        const _: () = {
            use ::std::ffi::c_void;
            use $crate::abi::{answer, describe, raw, run};

            static KINDS: &[raw::KindTable] = &[$({
                unsafe extern "C" fn describe_kind(sink: raw::Sink, user: *mut c_void) -> raw::Status {
                    // SAFETY: the host calls as the header says, here and below.
                    unsafe { describe(&$kind, sink, user) }
                }
                unsafe extern "C" fn run_kind(
                    host: *const raw::HostTable,
                    ctx: *mut c_void,
                    attempt: raw::Bytes,
                ) -> raw::Status {
                    // SAFETY: see `describe_kind`.
                    unsafe { run(&$kind, host, ctx, attempt) }
                }
                unsafe extern "C" fn ask_kind(
                    about: raw::Bytes,
                    request: raw::Bytes,
                    sink: raw::Sink,
                    user: *mut c_void,
                ) -> raw::Status {
                    // SAFETY: see `describe_kind`.
                    unsafe { answer(&$kind, about, request, sink, user) }
                }
                raw::KindTable {
                    manifest: raw::Bytes::of(""),
                    describe: Some(describe_kind),
                    run: Some(run_kind),
                    ask: Some(ask_kind),
                }
            }),+];

            static PLUGIN: raw::PluginTable = raw::PluginTable {
                magic: raw::MAGIC,
                abi_major: raw::ABI_MAJOR,
                abi_minor: raw::ABI_MINOR,
                size: raw::size_u32(::std::mem::size_of::<raw::PluginTable>()),
                kind_stride: raw::size_u32(::std::mem::size_of::<raw::KindTable>()),
                min_host_size: raw::HOST_SIZE,
                n_kinds: raw::size_u32(KINDS.len()),
                kinds: KINDS.as_ptr(),
                name: raw::Bytes::of($name),
                version: raw::Bytes::of(env!("CARGO_PKG_VERSION")),
                build: raw::Bytes::of(concat!("Rust SDK ", $crate::sdk_version!())),
            };

            #[unsafe(no_mangle)]
            pub extern "C" fn sluice_plugin_v1() -> *const raw::PluginTable {
                &raw const PLUGIN
            }
        };
    };
}

/// The version of the SDK, which `concat!` can take.
#[doc(hidden)]
#[macro_export]
macro_rules! sdk_version {
    () => {
        "0.1.0"
    };
}

/// Everything that a plugin in Rust needs at hand.
pub mod prelude {
    pub use schemars::JsonSchema;
    pub use serde::Deserialize;

    pub use crate::{
        Column, ColumnType, Context, Description, Effect, LogLevel, Port, PortSchema, PortType, Problem,
        SchemaCheck, Table, Task, TaskError,
    };
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_version_in_the_macro_is_the_crates() {
        assert_eq!(crate::sdk_version!(), env!("CARGO_PKG_VERSION"));
    }
}
