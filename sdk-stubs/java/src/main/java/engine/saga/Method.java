package engine.saga;

import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;

/**
 * One method of a service.
 *
 * @param number in the frame header
 * @param name `Service.Name`
 * @param requests reads requests
 * @param responses reads responses
 * @param clientStreaming the client sends items
 * @param serverStreaming the server sends items instead of one response
 * @param mutates the call changes something, so that its request id counts
 */
public record Method<Q extends MessageLite, R extends MessageLite>(
        int number, String name, Parser<Q> requests, Parser<R> responses, boolean clientStreaming, boolean serverStreaming,
        boolean mutates) {}
