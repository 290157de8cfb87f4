"""What ranking hears."""

from nova.policy import topics

POST_CREATED = topics.POST_CREATED
POST_UPDATED = topics.POST_UPDATED
POST_DELETED = topics.POST_DELETED
