//! Methods, and the stubs that are made of a list of them.

/// One method of a service.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Method {
    /// In the frame header.
    pub number: u16,
    /// `Service.Name`.
    pub name: &'static str,
    /// The client sends items.
    pub client_streaming: bool,
    /// The server sends items instead of one response.
    pub server_streaming: bool,
    /// The call changes something, so that its request id counts.
    pub mutates: bool,
}

/// Makes a stub of each service, and the table of all methods, of the same lines: neither can lack what the other has.
macro_rules! services {
    ($($(#[$doc:meta])* $service:ident $accessor:ident {
        $($(#[$about:meta])* $number:literal $full:literal $shape:ident $mutates:ident fn $name:ident($request:ident) -> $response:ident;)*
    })*) => {
        /// Every method of every service.
        pub static METHODS: &[&$crate::Method] = &[$($(&$crate::rpc::services!(@method $number $full $shape $mutates),)*)*];

        impl $crate::Client {
            $($(#[$doc])*
            pub fn $accessor(&self) -> $service {
                $service { client: self.clone() }
            })*
        }

        $($(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $service {
            client: $crate::Client,
        }

        #[allow(clippy::missing_errors_doc)]
        impl $service {
            $($crate::rpc::services! { @stub $(#[$about])* $number $full $shape $mutates $name $request $response })*
        })*
    };
    (@method $number:literal $full:literal $shape:ident $mutates:ident) => {
        $crate::Method {
            number: $number,
            name: $full,
            client_streaming: $crate::rpc::services!(@client $shape),
            server_streaming: $crate::rpc::services!(@server $shape),
            mutates: $crate::rpc::services!(@mutates $mutates),
        }
    };
    (@stub $(#[$about:meta])* $number:literal $full:literal unary $mutates:ident $name:ident $request:ident $response:ident) => {
        $(#[$about])*
        pub fn $name(&self, request: $request) -> Result<$response, $crate::Error> {
            static METHOD: $crate::Method = $crate::rpc::services!(@method $number $full unary $mutates);
            self.client.invoke(&METHOD, request)
        }
    };
    (@stub $(#[$about:meta])* $number:literal $full:literal $shape:ident $mutates:ident $name:ident $request:ident $response:ident) => {
        $(#[$about])*
        pub fn $name(&self, first: $request) -> Result<$crate::rpc::services!(@type $shape $request $response), $crate::Error> {
            static METHOD: $crate::Method = $crate::rpc::services!(@method $number $full $shape $mutates);
            self.client.open(&METHOD, first).map(Into::into)
        }
    };
    (@type server_stream $request:ident $response:ident) => { $crate::ServerStream<$response> };
    (@type client_stream $request:ident $response:ident) => { $crate::ClientStream<$request, $response> };
    (@type duplex $request:ident $response:ident) => { $crate::DuplexStream<$request, $response> };
    (@client unary) => { false };
    (@client server_stream) => { false };
    (@client client_stream) => { true };
    (@client duplex) => { true };
    (@server unary) => { false };
    (@server server_stream) => { true };
    (@server client_stream) => { false };
    (@server duplex) => { true };
    (@mutates mutates) => { true };
    (@mutates reads) => { false };
}

pub(crate) use services;
