//! Protocol Buffers by prost for gRPC by tonic, without generated code.

use prost::Message;
use std::marker::PhantomData;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

/// Writes `Q` and reads `A`.
#[derive(Debug)]
pub struct Protobuf<Q, A>(PhantomData<(Q, A)>);

#[derive(Debug)]
pub struct Writer<Q>(PhantomData<Q>);

#[derive(Debug)]
pub struct Reader<A>(PhantomData<A>);

impl<Q, A> Default for Protobuf<Q, A> {
    fn default() -> Self {
        Protobuf(PhantomData)
    }
}

impl<Q, A> Codec for Protobuf<Q, A>
where
    Q: Message + 'static,
    A: Message + Default + 'static,
{
    type Encode = Q;
    type Decode = A;
    type Encoder = Writer<Q>;
    type Decoder = Reader<A>;

    fn encoder(&mut self) -> Writer<Q> {
        Writer(PhantomData)
    }

    fn decoder(&mut self) -> Reader<A> {
        Reader(PhantomData)
    }
}

impl<Q: Message> Encoder for Writer<Q> {
    type Item = Q;
    type Error = Status;

    fn encode(&mut self, item: Q, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.encode(buffer).map_err(|e| Status::internal(e.to_string()))
    }
}

impl<A: Message + Default> Decoder for Reader<A> {
    type Item = A;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<A>, Status> {
        A::decode(buffer).map(Some).map_err(|e| Status::unavailable(format!("the answer cannot be read: {e}")))
    }
}
