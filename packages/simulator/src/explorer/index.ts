export { Search } from './search.ts';
export { tellStory } from './story.ts';
