"""Likes, shares and threaded comments.

Owns      who reacted to what, what was said under a post, and the counts of both
Not       the post itself and who may see it (content), blocks (graph), ranking (ranking)
Tables    likes, shares, comments, comment_likes, post_counters, deleted_posts
Emits     social.like.created, social.like.deleted, social.share.created, social.share.deleted,
          social.comment.created, social.comment.deleted
Consumes  content.post.deleted
"""
