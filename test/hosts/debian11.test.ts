import { tellOn } from './story.ts';

tellOn('bullseye');
