"""Posts and stories: texts, media links, audiences, edits, deletion.

Owns      posts and their former versions; stories and who saw them; who was chosen to see what
Not       who follows whom (graph), likes and comments (social), order (ranking), files (media)
Tables    posts (16 hash partitions by author), post_authors, post_audience, post_edits,
          stories, story_audience, story_views
Emits     content.post.created, content.post.updated, content.post.deleted,
          content.story.created, content.story.deleted
Consumes  nothing
"""
