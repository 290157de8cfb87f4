"""The edge: the only door from outside.

Owns      the GraphQL schema, its limits and plans, the HTTP and WebSocket surface, the playground
Not       any data, any decision of a room: it asks them over gRPC and presents what they answer
Stores    persisted documents and rate limits in Redis; profile cards in the two-layer cache
Calls     identity, user, graph, content, social, feed
"""
